"""Checks the motion files of a scene: they can be read, have what is asked of them, and fit its length."""

from __future__ import annotations

from collections.abc import Iterator

from generation.core.clock import seconds_from_frames
from generation.core.motion import Region
from generation.motion.motion_files import MotionFile
from studio.core.problems import Location, as_clause
from studio.scene.schema import FaceMotion, listed
from studio.timeline.motion_files import scene_motion
from studio.validation.findings import Findings

_SLACK, _LEAST = 0.25, 1.0
"""Share and seconds by which the estimate of a length may be wrong."""


class MotionCheck(Findings):
    """The part of the check that looks at motion files; lengths are known once the script was looked at."""

    def motion(self) -> None:
        """Motion files of the cast and of lines."""
        for index, character in enumerate(self.scene.cast):
            at = self._cast_at(index, "motion")
            for regions, file in self._files(at, character.name, character.motion):
                self._length(at, character.name, regions, file, "scene", self.seconds)
            if character.role == "narrator" and character.motion.files:
                self._say(at, f"{character.name} is a narrator, who has no face to move", "remove motion, or the role")
        for index, line in enumerate(self.scene.script):
            at, label = ("script", index, "motion"), f"script line {index + 1} ({line.who[:60]})"
            for regions, file in self._files(at, label, line.motion):
                self._length(at, label, regions, file, "line", self.line_seconds.get(index, 0.0))

    def _files(self, at: Location, label: str, motion: FaceMotion) -> Iterator[tuple[str, MotionFile]]:
        """Each file that can be used, with its regions in words; what is wrong with the others is said once a file."""
        by_file: dict[str, list[Region]] = {}
        for region, name in motion.files.items():
            by_file.setdefault(name, []).append(region)
        for name, regions in by_file.items():
            try:
                for region in regions:
                    file = scene_motion(self.folder, name, region)
            except ValueError as error:
                self._say((*at, region), f"{label}: {as_clause(error)}")
            else:
                yield listed(regions), file

    def _length(self, at: Location, label: str, regions: str, file: MotionFile, what: str, estimate: float) -> None:
        """A file that is clearly shorter or longer than what it moves."""
        seconds = seconds_from_frames(len(file.track))
        slack = _LEAST + _SLACK * estimate
        if not estimate or abs(seconds - estimate) <= slack:
            return
        lengths = f"{label}: {file.name} lasts {seconds:.1f} s and the {what} about {estimate:.1f} s"
        then = f"then the voice moves {regions} again" if seconds < estimate else "the rest of it is left out"
        self._say(at, f"{lengths}; {then}", warning=True)
