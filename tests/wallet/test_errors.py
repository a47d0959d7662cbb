"""Every problem of the wallet has a sentence in each language that its values can fill."""

import pytest

from node.i18n import LANGUAGES, problem_text
from node.wallet.errors import Problem

VALUES: dict[Problem, dict[str, object]] = {
    Problem.PHRASE_COUNT: {"needed": 24, "found": 23},
    Problem.PHRASE_WORD: {"position": 7},
    Problem.PHRASE_WORD_NEAR: {"position": 7, "suggestions": "zoo"},
    Problem.PASSWORD_LONG: {"maximum": 1024},
    Problem.KEY_PURPOSE: {"path": "home/k"},
    Problem.HOME_PERMISSIONS: {"path": "home/k"},
    Problem.HOME_NOT_WRITABLE: {"path": "home/k"},
} | {problem: {"path": "home/k"} for problem in Problem if problem.startswith("file-")}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("problem", Problem)
def test_every_problem_has_its_sentence(problem: Problem, language: str) -> None:
    values = VALUES.get(problem, {})
    sentence = problem_text(problem, language, **values)
    assert sentence != problem_text("unexpected", language, code=problem)
    assert sentence != problem_text("no-such-code", language)
    assert f"({problem})" not in sentence
    assert all(str(value) in sentence for value in values.values())
