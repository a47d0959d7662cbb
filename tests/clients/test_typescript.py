"""The client for TypeScript: valid under the strictest types, and it talks to a real node.

The packages it is checked with come with the set-up (`make test`); where there is no npm, the tests
here are skipped and say so.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.api.house import House
from tests.clients.document import document
from tests.tidy import ROOT

FOLDER = ROOT / "clients" / "typescript"
COMPILER = FOLDER / "node_modules" / "typescript" / "bin" / "tsc"
NODE = shutil.which("node")
MOST_S = 300.0

needs_node = pytest.mark.skipif(
    NODE is None or not COMPILER.exists(),
    reason="needs Node.js, and npm at set-up: no packages in clients/typescript/node_modules",
)
pytestmark = needs_node

DAY = """
import { WeTalk, WeTalkProblem } from "./wetalk.js";
import { follow } from "./example.js";

const [address, token] = process.argv.slice(2);
const node = new WeTalk({ address, token, language: "en" });
const told = { lines: [] };
told.member = (await node.getIdentity()).member;

const stop = new AbortController();
const events = node.events({ signal: stop.signal });
told.first = (await events.next()).value.name;
told.post = (await node.postPosts({ room: "hall & yard", text: "안녕" }, { key: "once" })).id;
told.again = (await node.postPosts({ room: "hall & yard", text: "안녕" }, { key: "once" })).id;
let event;
do { event = (await events.next()).value; } while (event.data.post !== told.post);
stop.abort();
told.ended = (await events.next()).done;
const later = new AbortController();
const resumed = node.events({ lastId: event.id, signal: later.signal });
told.resumed = (await resumed.next()).value.id === event.id;
later.abort();

told.texts = (await node.getPosts({ room: "hall & yard" })).items.map((post) => post.text);
for await (const member of node.eachMember()) told.lines.push(member.id);
const file = await node.getStatementsFile({ month: "2026-09", format: "pdf" });
told.pdf = (await file.text()).slice(0, 4);
const lines = await (await node.getRecordsExport()).text();
told.report = await node.postRecordsImport(lines);
try {
  await node.getPost("ab".repeat(32));
} catch (problem) {
  told.problem = [problem instanceof WeTalkProblem, problem.status, problem.code, problem.detail];
}
const shown = [];
const following = new AbortController();
const done = follow({ address, token }, (line) => { shown.push(line); following.abort(); },
  following.signal);
await done.catch(() => {});
told.shown = shown;
console.log(JSON.stringify(told));
"""

WRONG = """
import { WeTalk } from "./wetalk.ts";
const node = new WeTalk({ address: "http://127.0.0.1:1" });
const status = await node.getStatus();
status.nothing_of_the_kind;
await node.postPosts({ room: "hall" });
await node.getPosts({});
"""

VALIDATE = """
import { Validator } from "@seriousme/openapi-schema-validator";
import { readFileSync } from "node:fs";
const found = JSON.parse(readFileSync(process.argv[2], "utf-8"));
const result = await new Validator().validate(found);
console.log(JSON.stringify(result));
"""


def run(*words: str | Path, folder: Path = FOLDER) -> "subprocess.CompletedProcess[str]":
    """Run Node.js."""
    assert NODE is not None
    command = [NODE, *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=MOST_S)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client as JavaScript, once the compiler has nothing against it."""
    folder = tmp_path_factory.mktemp("javascript")
    done = run(COMPILER, "--outDir", folder)
    assert done.returncode == 0, done.stdout
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


async def test_a_day_with_the_client(house: House, compiled: Path) -> None:
    (compiled / "day.js").write_text(DAY, encoding="utf-8")
    address = f"http://127.0.0.1:{house.port}"
    done = await trio.to_thread.run_sync(run, compiled / "day.js", address, house.token)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    member = await house.do(lambda client: client.identity()["member"])
    assert (told["member"], told["lines"]) == (member, [member])
    assert (told["first"], told["resumed"], told["ended"]) == ("ready", True, True)
    assert told["post"] == told["again"]
    assert told["texts"] == ["안녕"]
    assert told["pdf"] == "%PDF"
    assert told["report"]["duplicate"] == told["report"]["read"] > 0
    assert told["problem"][:3] == [True, 404, "not-found"]
    assert told["shown"][0].startswith("0.00 ")


def test_what_does_not_fit_the_document_is_found_before_it_runs(tmp_path: Path) -> None:
    for name in ("wetalk.ts", "transport.ts", "tsconfig.json"):
        shutil.copy(FOLDER / name, tmp_path)
    (tmp_path / "wrong.ts").write_text(WRONG)
    done = run(COMPILER, "--noEmit", "-p", tmp_path, folder=tmp_path)
    assert done.returncode != 0
    lines = {line.partition("(")[2].partition(",")[0] for line in done.stdout.splitlines()}
    assert {"5", "6", "7"} <= lines, done.stdout


def test_the_document_is_valid_openapi(tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(document()))
    script = FOLDER / "node_modules" / "validate.mjs"  # where its packages are found
    script.write_text(VALIDATE)
    try:
        done = run(script, tmp_path / "openapi.json")
        broken = {**document(), "paths": {"/v1/x": {"get": {"responses": 5}}}}
        (tmp_path / "broken.json").write_text(json.dumps(broken))
        refused = run(script, tmp_path / "broken.json")
    finally:
        script.unlink()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["valid"], done.stdout[:2_000]
    assert not json.loads(refused.stdout)["valid"]
