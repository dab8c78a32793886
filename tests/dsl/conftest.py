"""A small task that is right, and the environment that the corpus is checked in."""

from pathlib import Path

import numpy as np
import pytest

from rectune_dsl.dsl.check import Checked, Environment, check
from rectune_dsl.dsl.formula.functions import Signature
from rectune_dsl.dsl.source import Source
from rectune_dsl.hooks.settings import Settings
from rectune_dsl.skillhub.places import named

CORPUS = Path(__file__).parent.parent / "corpus"


class Flags(Settings):
    """What the plugin `flags` takes."""

    file: str
    population: int = 1_000


ENVIRONMENT = Environment(
    functions={
        "softplus": Signature(1, 1, "log(1 + exp(x))", monotone=("nondecreasing",)),
        "undeclared": Signature(1, 1, "says nothing of itself"),
        "bounded": Signature(1, 1, "between 0 and 1", range=(0.0, 1.0)),
    },
    agents={
        "actor": frozenset({"bayes", "funnel"}),
        "critic": frozenset({"numeric"}),
        "online": frozenset({"numeric"}),
        "insight": frozenset({"numeric"}),
        "skill": frozenset({"numeric"}),
    },
    backends=frozenset({"simulator", "replay"}),
    executors=frozenset({"threads"}),
    worlds=frozenset({"short-video", "news-feed", "shop"}),
    llms=frozenset({"gemini", "openai"}),
    deliveries=frozenset({"flags"}),
    skills=named([CORPUS.parents[1] / "skills"], Path("no workspace")),
    settings={"flags": lambda: Flags},
    implementations={
        "softplus": lambda x: np.logaddexp(x, x.dtype.type(0)),
        "undeclared": np.abs,
        "bounded": lambda x: np.clip(np.abs(x), 0, 1),
    },
)

SMALL = Path(__file__).with_name("small.toml").read_text()


@pytest.fixture(scope="session")
def environment() -> Environment:
    return ENVIRONMENT


@pytest.fixture(scope="session")
def check_text():
    """Check a task given as text; `replace` pairs change the small task first."""

    def run(*replace: tuple[str, str], text: str = SMALL, environment: Environment = ENVIRONMENT) -> Checked:
        for old, new in replace:
            assert old in text, old
            text = text.replace(old, new)
        return check(Source("small.toml", text), environment)

    return run


def pytest_generate_tests(metafunc):
    for name in ("valid", "invalid"):
        if f"{name}_file" in metafunc.fixturenames:
            files = sorted((CORPUS / name).glob("*.toml"))
            metafunc.parametrize(f"{name}_file", files, ids=[f.stem for f in files])
