"""Stubs while libraries load: what they leave out, what comes back afterwards, and the switch that turns them off."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap


def run(code: str, **environment: str) -> str:
    """What a fresh process prints."""
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_stubs_give_way_to_the_real_packages_when_asked_for() -> None:
    """The shipped models load and speak without torch's compiler and transformers; whoever wants these has them."""
    printed = run("""
        import sys
        from pathlib import Path
        from tempfile import TemporaryDirectory
        from studio.performance.speak_line import speak_line
        with TemporaryDirectory() as folder:
            speak_line("Yes.", "Alice", Path(folder, "yes.wav"))
        off = ("torch._dynamo", "torch.distributed.tensor", "transformers", "scipy.stats", "scipy.integrate")
        print([name for name in off if name in sys.modules])

        import peft.tuners.tuners_utils, torch
        kept = peft.tuners.tuners_utils.PreTrainedModel
        print(isinstance(torch.nn.Linear(2, 2), kept))
        from transformers import BertConfig, BertModel
        small = BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=9)
        print(isinstance(BertModel(small), kept), kept(BertConfig()).config.model_type)

        import scipy.stats
        print(scipy.stats.norm.cdf(0.0), type(scipy.stats).__name__)
        print(torch.compile(lambda x: x + 1, backend="eager")(torch.ones(2)).tolist(), type(torch._dynamo).__name__)
        """)
    assert printed.splitlines() == ["[]", "False", "True bert", "0.5 module", "[2.0, 2.0] module"]


def test_same_models_with_all_that_libraries_ask_for() -> None:
    """The same weights and the same layers, loaded with and without."""
    printed = run("""
        import sys, torch
        from generation.core.deferred_imports import load_libraries
        load_libraries()
        from studio.performance.models import Models
        from generation.pipeline.joint import JointPipeline
        lean = Models.load("cpu").pipeline.transformer
        import torch._dynamo, torch.distributed.tensor, transformers
        full = JointPipeline.from_pretrained().transformer
        a, b = lean.state_dict(), full.state_dict()
        print(a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a))
        print([type(m) for m in lean.modules()] == [type(m) for m in full.modules()])
        print("lora" in " ".join(a))
        """)
    assert printed.split() == ["True", "True", "True"]


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
    assert printed.split() == ["False", "False", "real", "False"]


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
    assert printed.split() == ["True"]


def test_importing_the_module_does_nothing() -> None:
    printed = run("""
        import sys
        import generation.core.deferred_imports
        print("torch" in sys.modules, len([f for f in sys.meta_path if type(f).__name__ == "_StubFinder"]))
        """)
    assert printed.split() == ["False", "0"]


def test_the_switch_loads_everything_and_speech_is_the_same() -> None:
    code = """
        import sys
        from hashlib import sha256
        from pathlib import Path
        from tempfile import TemporaryDirectory
        import soundfile
        from studio.performance.speak_line import speak_line
        with TemporaryDirectory() as folder:
            speak_line("Yes.", "Alice", Path(folder, "yes.wav"))
            print(sha256(soundfile.read(Path(folder, "yes.wav"), dtype="int16")[0]).hexdigest())
        print("transformers" in sys.modules)
        """
    deferred, plain = run(code, PARLEY_PLAIN_IMPORTS="").split(), run(code, PARLEY_PLAIN_IMPORTS="1").split()
    assert deferred[0] == plain[0]
    assert (deferred[1], plain[1]) == ("False", "True")
