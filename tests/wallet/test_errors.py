"""Every problem of the wallet has a sentence in each language that its values can fill."""

import pytest

from node.i18n import LANGUAGES, problem_text
from node.wallet.errors import Problem

# One value for every placeholder there is; which of them a code carries, its raising line says.
VALUES: dict[str, object] = {
    "needed": 24,
    "found": 23,
    "position": 7,
    "suggestions": "zoo",
    "maximum": 1024,
    "path": "home/k",
}
FILLED = {
    Problem.PHRASE_COUNT: {"needed", "found"},
    Problem.PHRASE_WORD: {"position"},
    Problem.PHRASE_WORD_NEAR: {"position", "suggestions"},
    Problem.PASSWORD_LONG: {"maximum"},
    Problem.KEY_PURPOSE: {"path"},
    Problem.KEY_DAMAGED: {"path"},
    Problem.HOME_PERMISSIONS: {"path"},
    Problem.HOME_NOT_WRITABLE: {"path"},
} | {problem: {"path"} for problem in Problem if problem.startswith("file-")}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("problem", Problem)
def test_every_problem_has_its_sentence(problem: Problem, language: str) -> None:
    values = {name: VALUES[name] for name in FILLED.get(problem, set())}
    sentence = problem_text(problem, language, **values)
    assert sentence != problem_text("unexpected", language, code=problem)
    assert f"({problem})" not in sentence
    assert all(str(value) in sentence for value in values.values())
