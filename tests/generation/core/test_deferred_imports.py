"""Stubs while libraries load: what they leave out, what comes back afterwards, and the switch that turns them off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generation.core import deferred_imports
from generation.core.deferred_imports import PLAIN_IMPORTS, load_libraries, with_deferred_imports


def run(code: str, **environment: str) -> list[str]:
    """The lines that a fresh process prints."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@pytest.fixture
def small_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that is deferred and a library that asks for it, small ones in this process."""
    heavy = "class Base:\n    pass\n\ndef is_used():\n    return True\n\ndef compiled(function):\n    return None\n"
    (tmp_path / "heavy.py").write_text(heavy)
    (tmp_path / "library").mkdir()
    library = (
        "import heavy\nfrom heavy import Base\nused = heavy.is_used()\n\n@heavy.compiled\ndef work():\n    return 1\n"
    )
    (tmp_path / "library/__init__.py").write_text(library)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(deferred_imports, "_DEFERRED", ("heavy",))
    monkeypatch.setattr(deferred_imports, "_ROOTS", ("library",))
    monkeypatch.delenv(PLAIN_IMPORTS, raising=False)
    yield
    for name in ("heavy", "library"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("small_packages")
def test_a_stub_is_nobodys_class_until_the_real_package_comes() -> None:
    load_libraries(["library"])
    library = sys.modules["library"]
    assert "heavy" not in sys.modules and not library.used and library.work() == 1
    assert not isinstance(library.Base, type) and not isinstance(1, library.Base)
    import heavy

    assert isinstance(heavy.Base(), library.Base) and type(library.Base()) is heavy.Base and library.heavy.is_used()


@pytest.mark.usefixtures("small_packages")
def test_a_package_that_is_there_stays() -> None:
    import heavy

    load_libraries(["library"])
    library = sys.modules["library"]
    assert library.heavy is heavy is sys.modules["heavy"] and library.Base is heavy.Base and library.used


@pytest.mark.usefixtures("small_packages")
def test_what_fails_is_undone_and_done_again_with_the_real_package() -> None:
    load_libraries(["library", "library.no_such_module"])
    assert not {"library", "heavy"} & sys.modules.keys()

    def make() -> bool:
        import heavy

        if isinstance(heavy, deferred_imports._StubModule):
            raise ImportError(heavy.__name__)
        return heavy.is_used()

    assert with_deferred_imports(make)
    import library

    assert library.used and not isinstance(sys.modules["heavy"], deferred_imports._StubModule)


@pytest.mark.usefixtures("small_packages")
def test_with_the_switch_every_import_is_a_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PLAIN_IMPORTS, "1")
    load_libraries(["library"])
    assert "library" not in sys.modules
    with deferred_imports.deferred():
        import library

        assert library.used and sys.modules["heavy"] is library.heavy


SPEAK = """
import json, sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
import soundfile
import generation.core.deferred_imports
untouched = "torch" not in sys.modules and not [f for f in sys.meta_path if type(f).__name__ == "_StubFinder"]
from studio.performance.speak_line import speak_line
with TemporaryDirectory() as folder:
    speak_line("Yes.", "Alice", Path(folder, "yes.wav"))
    spoken = sha256(soundfile.read(Path(folder, "yes.wav"), dtype="int16")[0]).hexdigest()
off = ("torch._dynamo", "torch.distributed.tensor", "transformers", "scipy.stats", "scipy.integrate")
said = {"untouched": untouched, "spoken": spoken, "loaded": [name for name in off if name in sys.modules]}
"""
GIVE_WAY = """
from studio.performance.models import Models
from generation.pipeline.joint import JointPipeline
lean = Models.load("cpu").pipeline.transformer

import peft.tuners.tuners_utils, torch
kept = peft.tuners.tuners_utils.PreTrainedModel
nobodys = isinstance(torch.nn.Linear(2, 2), kept)
from transformers import BertConfig, BertModel
small = BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=9)
said["transformers"] = [nobodys, isinstance(BertModel(small), kept), kept(BertConfig()).config.model_type]

import scipy.stats
said["statistics"] = [scipy.stats.norm.cdf(0.0), type(scipy.stats).__name__]
compiled = torch.compile(lambda x: x + 1, backend="eager")(torch.ones(2)).tolist()
said["compiler"] = [compiled, type(torch._dynamo).__name__]

import torch.distributed.tensor
full = JointPipeline.from_pretrained().transformer
a, b = lean.state_dict(), full.state_dict()
said["weights"] = a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
said["layers"] = [type(m) for m in lean.modules()] == [type(m) for m in full.modules()]
said["lora"] = "lora" in " ".join(a)
"""
SAY = "print(json.dumps(said))"


@pytest.fixture(scope="module")
def deferred() -> dict[str, Any]:
    """What one process finds that speaks with stubs and then imports the real packages."""
    return json.loads(run(SPEAK + GIVE_WAY + SAY, PARLEY_PLAIN_IMPORTS="")[-1])


def test_importing_the_module_does_nothing(deferred: dict[str, Any]) -> None:
    assert deferred["untouched"]


def test_stubs_give_way_to_the_real_packages_when_asked_for(deferred: dict[str, Any]) -> None:
    """The shipped models load and speak without torch's compiler and transformers; whoever wants these has them."""
    assert deferred["loaded"] == []
    assert deferred["transformers"] == [False, True, "bert"]
    assert deferred["statistics"] == [0.5, "module"]
    assert deferred["compiler"] == [[2.0, 2.0], "module"]


def test_same_models_with_all_that_libraries_ask_for(deferred: dict[str, Any]) -> None:
    """The same weights and the same layers, loaded with and without."""
    assert (deferred["weights"], deferred["layers"], deferred["lora"]) == (True, True, True)


@pytest.mark.slow
def test_the_switch_loads_everything_and_speech_is_the_same(deferred: dict[str, Any]) -> None:
    plain = json.loads(run(SPEAK + SAY, PARLEY_PLAIN_IMPORTS="1")[-1])
    assert plain["spoken"] == deferred["spoken"]
    assert "transformers" in plain["loaded"]


@pytest.mark.slow
def test_libraries_that_changed_are_imported_in_full() -> None:
    """A failure among the imports costs time and nothing else."""
    printed = run("""
        import sys
        from generation.core import deferred_imports
        deferred_imports.load_libraries(["peft.utils", "diffusers.no_such_module"])
        print("peft" in sys.modules, "diffusers" in sys.modules)

        def make():
            import transformers
            return transformers.no_such_name + 1 if isinstance(transformers, deferred_imports._StubModule) else "real"

        print(deferred_imports.with_deferred_imports(make))
        import studio.performance.performer
        print(isinstance(sys.modules["transformers"], deferred_imports._StubModule))
        """)
    assert printed == ["False False", "real", "False"]


@pytest.mark.slow
def test_a_compiler_that_is_there_stays() -> None:
    """Where torch's compiler was imported before, libraries get it."""
    printed = run("""
        import torch._dynamo
        before = torch._dynamo
        import sys
        from generation.core.deferred_imports import load_libraries
        load_libraries()
        print(torch._dynamo is before is sys.modules["torch._dynamo"])
        """)
    assert printed == ["True"]
