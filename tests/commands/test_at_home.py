"""Commands that work on a home directly: making a member, the words, files, doctor, service."""

import json
from pathlib import Path
from typing import Any

import pytest

from node.commands import root
from node.commands.base import DONE, NOT_RUNNING, REFUSED
from node.i18n import text
from node.storage.home import Home, HomeLock
from node.storage.pictures import PictureStore, own_files
from tests.support.damage import flip
from tests.vectors.picture_cases import lossy

PASSWORD = "긴 비밀번호"


class Shell:
    """Runs commands on one home and reads their JSON."""

    def __init__(self, capsys: pytest.CaptureFixture[str], home: Path) -> None:
        self._capsys = capsys
        self.home = Home(home)
        self.error = ""

    def __call__(self, *arguments: str, code: int = DONE) -> Any:
        found = root.run(["--home", str(self.home.path), "--json", *arguments])
        shown = self._capsys.readouterr()
        self.error = shown.err
        assert found == code, shown.out + shown.err
        return json.loads(shown.out)

    def says(self, *arguments: str, code: int = DONE) -> str:
        found = root.run(["--home", str(self.home.path), "--language", "en", *arguments])
        shown = self._capsys.readouterr()
        self.error = shown.err
        assert found == code, shown.out + shown.err
        return shown.out


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(capsys, tmp_path / "home")


@pytest.fixture
def other(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(capsys, tmp_path / "other")


def private(path: Path, written: str) -> str:
    path.touch(mode=0o600)
    path.write_text(written, encoding="utf-8")
    return str(path)


def test_the_words_never_reach_standard_output_or_a_log(shell: Shell, other: Shell) -> None:
    made = shell("init", "--name", "민수", "--language", "ko")
    other("init", "--name", "민수", "--language", "ko")
    words = Path(made["words_file"]).read_text(encoding="utf-8").split()
    assert len(words) == 48  # each with its number
    found = [word for word in words if not word.endswith(".") and word in shell.error]
    # Sentences may hold a word of the list's 2,048; then they do so whatever the phrase is.
    assert [word for word in found if word not in other.error] == []


def test_status_nags_until_the_words_are_confirmed(shell: Shell) -> None:
    shell("init", "--name", "Anna", "--language", "en")
    shell.says("status", code=NOT_RUNNING)
    assert "wetalk id confirm" in shell.error
    copy = shell.home.path.parent / "copy"
    private(copy, shell.home.phrase.read_text(encoding="utf-8"))
    shell("id", "confirm", "--words-file", str(copy))
    assert not shell.home.phrase.exists()
    shell.says("status", code=NOT_RUNNING)
    assert "wetalk id confirm" not in shell.error


def test_words_of_somebody_else_confirm_nothing(shell: Shell, other: Shell) -> None:
    shell("init", "--name", "a")
    other("init", "--name", "b")
    found = shell("id", "confirm", "--words-file", str(other.home.phrase), code=REFUSED)
    assert found["error"]["code"] == "phrase-other"
    assert shell.home.phrase.exists()


def test_the_home_keeps_the_language(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("WETALK_LANGUAGE", raising=False)
    shell("init", "--name", "小明", "--language", "zh")
    found = shell("init", code=REFUSED)
    assert found["error"]["detail"] == text("problem.home-exists", "zh", path=str(shell.home.path))


def test_asking_a_node_that_does_not_run_says_how_to_start_it(shell: Shell) -> None:
    shell("init", "--name", "a")
    for asked in (["balance"], ["say", "x", "y"], ["trade", "list"], ["peers"]):
        found = shell(*asked, code=NOT_RUNNING)
        assert found["error"]["code"] == "node-not-running"
        assert "wetalk up" in found["error"]["detail"]


def test_the_root_is_worked_out_without_a_node(shell: Shell) -> None:
    shell("init", "--name", "a")
    chapter = "First chapter"
    found = shell("ledger", "root")
    assert found["root"] == shell("ledger", "verify")["root"]
    assert [part["name"] for part in found["sections"]][:3] == ["devices", "cuts", "grants"]
    assert shell("ledger", "root", "--chapter", chapter)["root"] != found["root"]
    refused = shell("ledger", "root", "--chapter", "nowhere", code=REFUSED)
    assert refused["error"]["code"] == "unknown-chapter"


def test_alone_it_is_friendly_before_and_after_the_first_start(shell: Shell) -> None:
    assert "wetalk up" in shell.says()
    shell("init", "--name", "a")
    assert "wetalk doctor" in shell.says()


def test_a_home_goes_through_a_backup_to_another_computer(shell: Shell, other: Shell) -> None:
    made = shell("init", "--name", "민수")
    folder = shell.home.path.parent
    password = private(folder / "password", PASSWORD + "\n")
    saved = str(folder / "saved")
    count = shell("backup", saved, "--password-file", password)["records"]
    assert shell("backup", saved, "--password-file", password, code=REFUSED)["error"]["code"] == (
        "file-exists"
    )
    words = made["words_file"]
    found = other("restore", saved, "--password-file", password, "--words-file", words)
    assert (found["member"], found["records"]) == (made["member"], count)
    assert found["shut_out"] == [made["device"]]
    assert other.home.device_key.read_bytes() != shell.home.device_key.read_bytes()
    found = other("restore", saved, "--password-file", password, code=REFUSED)
    assert found["error"]["code"] == "home-exists"


def test_a_home_comes_back_from_an_export_and_the_words(shell: Shell, other: Shell) -> None:
    made = shell("init", "--name", "민수")
    exported = str(shell.home.path.parent / "records")
    count = shell("export", exported)["records"]
    found = other("restore", exported, "--words-file", made["words_file"])
    assert (found["member"], found["records"], found["finished"]) == (made["member"], count, True)


def test_an_export_is_taken_in_once(shell: Shell) -> None:
    shell("init", "--name", "a")
    exported = str(shell.home.path.parent / "records")
    count = shell("ledger", "export", exported)["records"]
    found = shell("import", exported)
    assert found == {
        "read": count,
        "accepted": 0,
        "duplicate": count,
        "void": 0,
        "rejected": {},
        "deferred": 0,
    }


def test_a_broken_line_is_counted_and_ends_with_code_one(shell: Shell) -> None:
    shell("init", "--name", "a")
    exported = shell.home.path.parent / "records"
    shell("export", str(exported))
    exported.write_text(exported.read_text() + "{}\n")
    assert sum(shell("import", str(exported), code=REFUSED)["rejected"].values()) == 1


def test_records_of_another_community_are_refused(shell: Shell, other: Shell) -> None:
    shell("init", "--name", "a")
    other("init", "--name", "b")
    exported = str(shell.home.path.parent / "records")
    other("export", exported)
    assert shell("import", exported, code=REFUSED)["error"]["code"] == "other-community"


def test_joining_replaces_a_community_that_is_still_empty(shell: Shell, other: Shell) -> None:
    first = shell("init", "--name", "a")
    other("init", "--name", "b")
    shell("community", "join", str(other.home.genesis))
    exported = shell.home.path.parent / "records"
    shell("export", str(exported))
    head = json.loads(exported.read_text().splitlines()[0])
    assert head["community"] != first["community"]
    assert shell.home.phrase.exists()
    found = shell("community", "join", str(other.home.genesis), code=REFUSED)
    assert found["error"]["code"] == "community-same"


def test_restoring_over_the_network_waits_for_the_records(shell: Shell, other: Shell) -> None:
    made = shell("init", "--name", "a")
    words = made["words_file"]
    prepared = other(
        "init", "--restore", "--community", str(shell.home.genesis), "--words-file", words
    )
    assert prepared["finished"] is False
    found = other("restore", "--finish", "--words-file", words, code=REFUSED)
    assert found["error"]["code"] == "restore-not-ready"
    exported = str(shell.home.path.parent / "records")
    shell("export", exported)
    other("import", exported)
    assert other("restore", "--finish", "--words-file", words)["shut_out"] == [made["device"]]


def test_a_home_in_use_says_by_which_process(shell: Shell) -> None:
    import os

    shell("init", "--name", "a")
    with HomeLock(shell.home):
        found = shell("doctor", "--rebuild", code=REFUSED)
    assert found["error"]["code"] == "home-in-use"
    assert str(os.getpid()) in found["error"]["detail"]


def test_doctor_finds_what_others_can_read(shell: Shell) -> None:
    shell("init", "--name", "a")
    assert shell("doctor")["findings"] == []
    shell.home.device_key.chmod(0o644)
    found = shell("doctor", code=REFUSED)
    assert [one["code"] for one in found["findings"]] == ["open-to-others"]


def test_doctor_rebuilds_what_can_be_computed(shell: Shell) -> None:
    shell("init", "--name", "a")
    assert shell("doctor", "--rebuild")["rebuilt"] == 7


def test_the_service_file_starts_this_home_and_goes_again(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PATH", str(tmp_path))  # no systemctl there
    found = shell("service", "install")
    unit = Path(found["file"]).read_text()
    assert found["started"] is False
    assert f'"--home" "{shell.home.path}" "up"\n' in unit
    address = "/ip4/0.0.0.0/tcp/4131"
    shell("service", "install", "--role", "relay", "--listen", address)
    unit = Path(found["file"]).read_text()
    assert f'"up" "--role" "relay" "--listen" "{address}"\n' in unit
    assert shell("service", "remove")["removed"] is True
    assert shell("service", "remove")["removed"] is False
    assert not Path(found["file"]).exists()


def test_a_table_is_replayed_into_a_new_home(shell: Shell, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    rows = [
        "time,source,target,amount",
        "2026-01-01 00:00:00,bank,amina,400",
        "2026-01-01 00:00:01,bank,baraka,400.005",
        "2026-01-01 00:00:02,amina,baraka,12.345678",
        "2026-01-01 00:00:03,baraka,chama,0.004",
        "2026-01-01 00:00:04,baraka,baraka,5",
        "2026-01-01 00:00:05,chama,bank,1",
    ]
    table.write_text("\n".join(rows) + "\n")
    found = shell("ledger", "replay", str(table))
    assert found["trades"] == 4
    assert found["balances_sha256"] == (
        "a7138dc7dc57380fbbb4a9119c2fadffc0ff1e1fcd8bdcc49d74c7a7b8852d10"
    )


def test_a_password_on_the_key_is_asked_for_where_something_is_signed(shell: Shell) -> None:
    shell("init", "--name", "a")
    folder = shell.home.path.parent
    password, wrong = private(folder / "right", PASSWORD + "\n"), private(folder / "wrong", "x\n")
    assert shell("id", "password", "--new-password-file", password) == {"sealed": True}
    assert shell("ledger", "verify")["ok"]  # nothing is signed, nothing is asked
    assert shell("up", code=REFUSED)["error"]["code"] == "terminal-needed"
    found = shell("up", "--password-file", wrong, code=REFUSED)
    assert found["error"]["code"] == "password-wrong"
    found = shell("id", "password", "--remove", "--password-file", wrong, code=REFUSED)
    assert found["error"]["code"] == "password-wrong"
    assert shell("id", "password", "--remove", "--password-file", password) == {"sealed": False}


@pytest.mark.parametrize("command", ["export", "backup"])
def test_a_place_that_cannot_be_written_is_named(
    shell: Shell, tmp_path: Path, command: str
) -> None:
    shell("init", "--name", "amina")
    there = str(tmp_path / "nowhere" / "file")
    more = ["--password-file", private(tmp_path / "password", PASSWORD)]
    found = shell(command, there, *(more if command == "backup" else []), code=REFUSED)
    assert found["error"]["code"] == "file-not-writable"
    assert there in shell.error
    assert "--home" not in shell.error


def test_a_relay_and_a_founder_come_together_by_a_plan(
    shell: Shell, other: Shell, tmp_path: Path
) -> None:
    key = other("witness", "key")["key"]
    assert other("witness") == {"relay": None, "reserved": key}
    assert other("witness", "key") == {"key": key, "in_use": False}
    assert key in other.says("witness")
    plan = tmp_path / "plan.toml"
    plan.write_text(shell.says("community", "plan").replace("[]", f'["{key}", "me"]'))
    told = shell("community", "plan", str(plan))["chapters"][0]
    assert [told[n] for n in ("relays", "quorum", "may_be_down", "may_lie")] == [2, 2, 0, 1]
    assert "We recommend" not in shell.says("community", "plan", str(plan))
    made = shell("community", "new", "--name", "순희", "--plan", str(plan))
    assert made["device"] != key
    assert shell("witness", "key") == {"key": made["device"], "in_use": True}
    relay = shell("witness")["relay"]
    assert (relay["confirmations"], relay["last"], relay["convicted"]) == (0, None, False)
    assert shell("doctor")["relay"] == relay
    joined = other("init", "--name", "중계", "--community", str(shell.home.genesis))
    assert joined["device"] == key
    assert other("witness")["reserved"] is None
    again = shell("community", "new", "--plan", str(plan), code=REFUSED)
    assert again["error"]["code"] == "community-shared"


def test_a_plan_replaces_a_community_of_ones_own_that_is_still_empty(
    shell: Shell, tmp_path: Path
) -> None:
    before = shell("init", "--name", "순희", "--language", "ko")
    plan = tmp_path / "plan.toml"
    plan.write_text(shell.says("community", "plan"))
    founded = shell("community", "new", "--plan", str(plan))
    assert founded["community"] != before["community"]
    told = shell.says("community", "new", "--plan", str(plan))
    assert "founded" in told
    assert "application" not in told  # who founds a community does not ask to be let in
    same = shell.home.genesis
    refused = shell("community", "join", str(same), code=REFUSED)
    assert refused["error"]["code"] == "community-same"


def test_a_faulty_plan_changes_nothing(shell: Shell, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    for written, code in (("name = 3", "plan-missing"), ("\ufeff=", "plan-line")):
        plan.write_text(written, encoding="utf-8")
        for words in (("community", "new", "--plan"), ("community", "plan")):
            assert shell(*words, str(plan), code=REFUSED)["error"]["code"] == code
    plan.write_bytes(b"# a\n# b\n\xff\xfe")
    assert "Line 3" in shell("community", "plan", str(plan), code=REFUSED)["error"]["detail"]
    assert shell("community", "plan", str(plan), code=REFUSED)["error"]["code"] == "plan-line"
    plan.write_bytes(b"#" * 300_000)
    assert shell("community", "plan", str(plan), code=REFUSED)["error"]["code"] == "plan-size"
    gone = shell("community", "new", "--plan", str(tmp_path / "none"), code=REFUSED)
    assert gone["error"]["code"] == "file-missing"
    assert not shell.home.genesis.exists()


def test_a_key_that_the_founders_did_not_name_is_spoken_of(shell: Shell, other: Shell) -> None:
    shell("init", "--name", "순희")
    other("witness", "key")
    told = other.says("init", "--name", "중계", "--community", str(shell.home.genesis))
    assert "application" in told
    assert text("witness.unused", "en") in other.error
    assert other("witness")["relay"] is None


def test_doctor_mends_pictures_without_touching_what_is_sound(shell: Shell) -> None:
    shell("init", "--name", "a")
    data = lossy(640, 480)
    store = PictureStore(shell.home, lambda: 1)
    store.put_back(data)
    store.close()
    flip(shell.home.pictures, 47, 3)  # the format
    found = shell("doctor", code=REFUSED)
    assert [one["code"] for one in found["findings"]] == ["pictures-damaged"]
    mended = shell("doctor", "--mend")
    assert (mended["mended"], mended["findings"]) == ({"pictures": 1}, [])
    assert list(own_files(shell.home)) == [data]
