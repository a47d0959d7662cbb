"""What commands say: every sentence is there; mistakes are told in the member's language."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.api.problems import STATUS
from node.commands import asking, root
from node.commands.base import DONE, REFUSED, USAGE
from node.commands.making import read_invitation
from node.i18n import FALLBACK, catalogue
from node.protocol import genesis, portable
from node.protocol.portable import Invitation
from node.services.members.setup import Person, create_home
from node.storage.home import Home
from tests.tidy import ROOT, parse

TOLD = ("say", "text", "hint")


def calls() -> Iterator[tuple[str, list[ast.expr]]]:
    """Name and arguments of every method call in the commands."""
    for path in sorted((ROOT / "node" / "commands").glob("*.py")):
        for item in ast.walk(parse(path)):
            if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute) and item.args:
                yield item.func.attr, item.args


def literals(items: list[ast.expr]) -> list[str]:
    return [
        item.value
        for item in items
        if isinstance(item, ast.Constant) and isinstance(item.value, str)
    ]


def test_every_sentence_of_a_command_is_in_the_catalogue() -> None:
    asked = [key for name, found in calls() if name in TOLD for key in literals(found[:1])]
    assert len(asked) > 50
    assert [key for key in asked if key not in catalogue(FALLBACK)] == []


def test_every_heading_of_a_table_is_in_the_catalogue() -> None:
    asked = [
        heading
        for name, found in calls()
        if name == "table" and isinstance(found[0], ast.Tuple)
        for heading in literals(found[0].elts)
    ]
    assert len(asked) > 20
    assert [name for name in asked if f"column.{name}" not in catalogue(FALLBACK)] == []


def test_what_a_typed_id_may_stand_for_has_a_sentence_when_it_is_unknown() -> None:
    source = parse(ROOT / "node" / "commands" / f"{asking.__name__.split('.')[-1]}.py")
    codes = [
        name
        for item in ast.walk(source)
        if isinstance(item, ast.Call)
        for name in literals(item.args)
        if STATUS.get(name) == 404
    ]
    assert {"post-gone", "listing-gone", "trade-unknown"} <= set(codes)
    assert [code for code in codes if f"problem.{code}" not in catalogue(FALLBACK)] == []


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["pay", "민수", "-5"], "0보다 큰 수를 적어 주세요: -5"),
        (["pay"], "빠진 것이 있어요: MEMBER"),
        (["rate", "7d90ab12", "9"], "STARS (별점) 자리에는 1에서 5까지의 수"),
        (["sell", "김치", "--kind", "thing"], "goods, service"),
        (["read", "--nope"], "그런 옵션은 없어요: --nope"),
        (["nope"], "그런 명령은 없어요: nope"),
    ],
)
def test_a_mistyped_command_is_explained_in_the_language_of_the_member(
    typed: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert root.run(["--language", "ko", *typed]) == USAGE
    told = capsys.readouterr().err
    assert said in told
    assert "Invalid value" not in told
    assert "No such" not in told


def test_what_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refuse)
    home = ["--home", str(tmp_path / "theirs"), "--language", "en"]
    assert root.run([*home, "status"]) == REFUSED
    assert "belongs to another user" in capsys.readouterr().err


def test_a_home_of_imported_records_says_that_it_has_no_member(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, books = str(tmp_path / "first"), str(tmp_path / "books")
    file = str(tmp_path / "records.jsonl")
    assert root.run(["--home", first, "init", "--name", "민수", "--language", "ko"]) == DONE
    assert root.run(["--home", first, "export", file]) == DONE
    assert root.run(["--home", books, "import", file]) == DONE
    for command in ("up", "id"):
        capsys.readouterr()
        assert root.run(["--home", books, "--language", "en", command]) == REFUSED
        assert "no key of this computer" in capsys.readouterr().err


def test_an_invitation_is_found_in_the_message_it_came_in(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    create_home(home, Person("순희", "ko"))
    document = home.genesis.read_bytes()
    chapter = genesis.parse(document)[1].chapters[0].name
    found = Invitation(["/ip4/192.0.2.7/tcp/4130"], chapter, None, document)
    link = portable.encode_invitation(found)
    message = tmp_path / "message.txt"
    message.write_text(f"초대해요! {link}\n한 사람에게만 건네주세요.\n", encoding="utf-8")
    assert read_invitation(str(message)) == read_invitation(f" {link} 여기예요") == found
