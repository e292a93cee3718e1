"""Figures as one table: plain text for the terminal, Markdown between two marks of a document."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "<!-- figures: written by scripts/evaluate.py -->", "<!-- end of figures -->"
Systems = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Row:
    """One figure: its key, what it is called, what is asked of ours (sign, number), and how many percent it counts in.

    Attributes:
        key: in the JSON.
        name: for the reader.
        goal: ``("<=", 0.035)``, or None where nothing is asked.
        unit: "%" shows a share in percent; anything else is written after the number.
    """

    key: str
    name: str
    goal: tuple[str, float] | None = None
    unit: str = ""


GROUPS: dict[str, tuple[Row, ...]] = {
    "Speech": (
        Row("wer", "word errors", ("<=", 0.035), "%"),
        Row("wer_over_teacher", "word errors beyond the teacher's", ("<=", 0.02), "%"),
        Row("changed", "sentences with a word added or missing", ("<=", 0.01), "%"),
        Row("p808", "DNSMOS p808", (">=", 3.7)),
        Row("dnsmos_ovrl", "DNSMOS ovrl", (">=", 3.15)),
        Row("sim", "right voice, presets (cosine)", (">=", 0.88)),
        Row("sim_unseen", "right voice, from a clip (cosine)", (">=", 0.78)),
        Row("dialogue_wer", "word errors in dialogues", None, "%"),
        Row("dialogue_p808", "DNSMOS p808 in dialogues"),
    ),
    "Lips": (
        Row("closure", "closed on p, b, m, in rendered pixels", (">=", 0.9), "%"),
        Row("closure_chance", "any speech frame that would pass the same test", None, "%"),
        Row("closure_raw", "closed on p, b, m, on the rig", None, "%"),
        Row("mtm_ms", "extrema off those of real lips, words unknown", ("<=", 50.0), " ms"),
        Row("mtm_ms_words", "the same, told the words as the others are", None, " ms"),
        Row("mtm_ms_text", "the same, laid on its text as recordings of scenes are", None, " ms"),
        Row("mouth_loudness_r", "opening against loudness, r"),
        Row("mouth_loudness_ratio", "the same over that of real clips", (">=", 0.9), "%"),
        Row("slcc_gap", "louder sentences, livelier lips: off real clips' r by"),
        Row("pause_closed", "closed in pauses", (">=", 0.95), "%"),
        Row("recording_closure", "recording without words: closed, in pixels", None, "%"),
        Row("recording_closure_raw", "recording without words: closed, on the rig", None, "%"),
        Row("recording_mouth_loudness_r", "recording without words: opening against loudness, r"),
        Row("recording_music12_closure_kept", "12 dB above music: of these closures on the rig", (">=", 0.9), "%"),
        Row("recording_music12_mouth_loudness_r_kept", "... of that r", (">=", 0.9), "%"),
        Row("given_jaw_r", "text and sound, or the same sound alone: jaws agree, r"),
        Row("minute_wer", "a minute in one pass: word errors", None, "%"),
        Row("minute_closure", "... closed on p, b, m, on the rig", None, "%"),
        Row("minute_voice", "... voice at its end against its beginning (cosine)"),
        Row("shift_frames", "sound 5 frames later: lips later by", None, " frames"),
    ),
    "Faces": (
        Row("blinks_per_minute", "blinks a minute in dialogues (10 to 25)"),
        Row("longest_stare", "longest time without a blink", ("<=", 5.0), " s"),
        Row("longest_still_head", "longest time that a head stands still", None, " s"),
        Row("identity_drift", "face off the picture's after 30 s, inter-ocular distances"),
        Row("head0_px", "head switched off: head still moves by", ("<=", 0.5), " px"),
        Row("head0_blinks", "head switched off: blinks that stay", (">=", 0.9), "%"),
        Row("mouth_sharpness", "detail of the mouth over the picture's", (">=", 0.6), "%"),
        Row("leak", "silent mouths over the speaker's, idle life off", ("<=", 0.01), "%"),
        Row("leak_idle", "silent lips' speed over the speaker's, idle life on", None, "%"),
        Row("leak_floor", "the same with the silent mouth held still", None, "%"),
        Row("leak_idle_rig", "silent lips' speed over the speaker's on the rig, idle life on", ("<=", 0.05), "%"),
        Row("outside", "largest change outside the regions", ("<=", 0.0), " grey levels"),
        Row("dub_outside", "dubbed clips: largest change outside the lower face", ("<=", 0.0), " grey levels"),
        Row("dub_closure", "... closed where the new lips are", (">=", 0.9), "%"),
        Row("dub_mtm_ms", "... mouth timing to the new lips", ("<=", 60.0), " ms"),
        Row("dub_mtm_ms_chance", "... the same of the old lips", None, " ms"),
        Row("dub_gap_r", "... opening against the new lips', r"),
        Row("dub_jitter", "... trembling of the lips over the source's", ("<=", 1.1)),
        Row("swap", "tracks swapped: the other mouth moves", (">=", 1.0), "%"),
        Row("binding_routed", "voices rotated: lips with the routed voice, partial r", (">=", 0.45)),
        Row("binding_other", "... with another voice", ("<=", 0.08)),
        Row("binding_routed_pixels", "the same in pixels: routed", (">=", 0.40)),
        Row("binding_other_pixels", "... another", ("<=", 0.10)),
        Row("binding_unison", "one voice for three faces", (">=", 0.45)),
        Row("binding_unison_closure", "... closed on its p, b, m", (">=", 0.9), "%"),
        Row("together_r", "a line said together: both lips with the own voice, r", (">=", 0.45)),
        Row("together_closure", "... closed on p, b, m", (">=", 0.9), "%"),
        Row("together_onsets_ms", "... words begin apart by", ("<=", 40.0), " ms"),
        Row("together_sim", "... right voice (cosine)"),
        Row("binding_silent", "a face without a voice: lips over the speaker's", ("<=", 0.01), "%"),
        Row("order", "cast listed backwards: largest change", ("<=", 0.0), " grey levels"),
    ),
    "Cost": (
        Row("rtf_speech", "text to sound, seconds of one core a second"),
        Row("rtf_sampling", "sampling speech and motion, seconds of one core a second", ("<=", 0.06)),
        Row("rtf_vocoder", "vocoder, seconds of one core a second"),
        Row("rtf_face", "rendering one 512 x 512 face, seconds of one core a second"),
        Row("rtf", "two people, text to file, seconds a second", ("<=", 1.0)),
        Row("rtf_load_models", "... of which loading models"),
        Row("load_weights_seconds", "... the weights alone, seconds of one core in all", ("<=", 2.0), " s"),
        Row("rtf_speech_and_motion", "... speech and motion"),
        Row("rtf_rendering", "... rendering and encoding"),
        Row("cpu", "the same in seconds of one core"),
        Row("load", "programs that wanted the cores when it began"),
        Row("memory_mb", "most memory", None, " MB"),
        Row("long_memory_mb", "most memory, scene of 5 minutes", ("<=", 2048.0), " MB"),
    ),
}
ROWS = tuple(row for rows in GROUPS.values() for row in rows)
COLUMNS = {
    "ours": "ours", "kokoro": "Kokoro-82M int8", "piper": "Piper joe", "recordings": "recordings",
    "recordings_vocoder": "recordings, our vocoder", "rules": "phonetic rules", "openfacefx": "OpenFaceFX",
    "teacher": "motion teacher", "real": "real clips",
}  # fmt: skip
_SIGNS = {"<=": operator.le, ">=": operator.ge}


def table(systems: Systems) -> str:
    """Plain text, metrics in the order in which they were found; a dash where a system has no figure."""
    names = list(dict.fromkeys(metric for figures in systems.values() for metric in figures))
    goals = {row.key: f"{row.goal[0]} {row.goal[1]:g}" for row in ROWS if row.goal}
    rows = [["metric", "goal", *systems]]
    for name in names:
        values = (figures.get(name) for figures in systems.values())
        rows.append([name, goals.get(name, ""), *("-" if value is None else _short(value) for value in values)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    sides = [str.ljust, str.ljust, *[str.rjust] * len(systems)]
    lines = ["  ".join(side(cell, w) for side, cell, w in zip(sides, row, widths, strict=True)) for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3f}"


def missed(figures: Mapping[str, float]) -> list[Row]:
    """Rows with a goal that these figures have and miss."""
    return [r for r in ROWS if r.goal and r.key in figures and not _SIGNS[r.goal[0]](figures[r.key], r.goal[1])]


def markdown(systems: Systems, about: Mapping[str, object]) -> str:
    """A table a group, columns where the group has figures, then the goals that are missed and by how much."""
    ours = systems["ours"]
    parts = [
        f"{about['sentences']} held-out sentences x {about['seeds']} seeds; sampler: {about['steps']}"
        f"{'' if about['steps'] == 'distilled' else ' steps'}; weights `{about['weights']}`. In brackets: 95 %"
        " bootstrap interval over sentences."
    ]
    for group, members in GROUPS.items():
        rows = [row for row in members if any(row.key in figures for figures in systems.values())]
        columns = [name for name in COLUMNS if any(row.key in systems.get(name, {}) for row in rows)]
        if not rows:
            continue
        head = ["", "goal", *(COLUMNS[name] for name in columns)]
        lines = [_line(head), _line(["---"] * len(head))]
        for row in rows:
            goal = f"{row.goal[0]} {_written(row, row.goal[1])}" if row.goal else ""
            lines.append(_line([row.name, goal, *(_cell(row, systems.get(name, {})) for name in columns)]))
        parts.append(f"### {group}\n" + "\n".join(lines))
    behind = [
        f"- {row.name}: {_written(row, ours[row.key])}, goal {row.goal[0]} {_written(row, row.goal[1])}"
        for row in missed(ours)
        if row.goal
    ]
    parts.append("### Goals not reached\n" + ("\n".join(behind) or "None of those measured."))
    return "\n\n".join(parts)


def write_table(path: Path, systems: Systems, about: Mapping[str, object], more: str = "") -> None:
    """Replaces what stands between the two marks of a document; ``more`` are further tables.

    Raises:
        ValueError: the document has no such marks.
    """
    text = path.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise ValueError(f"{path} has no place for figures; it needs a line {BEGIN} and a line {END}.")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    written = "\n\n".join(filter(None, (markdown(systems, about), more)))
    path.write_text(f"{before}{BEGIN}\n\n{written}\n\n{END}{after}", encoding="utf-8")


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(row: Row, figures: Mapping[str, float]) -> str:
    if row.key not in figures:
        return ""
    text = _written(row, figures[row.key])
    if f"{row.key}_low" in figures:
        low, high = (_written(row, figures[f"{row.key}_{end}"]).removesuffix(" %") for end in ("low", "high"))
        text += f" ({low} - {high})"
    return text


def _written(row: Row, value: float) -> str:
    if row.unit == "%":
        return f"{100 * value:.1f} %"
    digits = 0 if abs(value) >= 100 or row.unit == " grey levels" else 1 if row.unit else 2
    return f"{value:.{digits if abs(value) >= 0.1 or not value or row.unit else 3}f}{row.unit}"
