"""Fetched data are the published ones or are refused: files over HTTP on the loopback, and a data set of a hub."""

import hashlib
import http.server
import json
import shutil
import subprocess
import sys
import threading

import pytest

from eval.config import EvalSettings
from eval.scoring.lm_eval_tasks import load_tasks
from eval.scoring.task_requests import request_tasks
from eval.tasks.data_files import check_published, fetch, published_file
from eval.tasks.task_catalogue import read_catalogue, tasks_folder
from spark_jobs.common.errors import ConfigurationError

CONTENT = "質問\n".encode() * 200
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server: `files` holds its content by path, `requested` the requested paths, `fates` how the next answers fail.

    The cache of downloads is below `tmp_path`.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server.requested.append(self.path)
            content, fate = server.files.get(self.path, b""), server.fates.pop() if server.fates else "whole"
            missing = self.path not in server.files
            self.send_response(503 if fate == "busy" else 404 if missing else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if fate == "cut" else content)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.requested, server.fates = {"/a.json": CONTENT}, [], []
    server.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("time.sleep", lambda _: None)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def cached(tmp_path):
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("path", "sha256", "fates", "message"),
    [
        ("/none.json", SHA256, [], r"none\.json could not be fetched: 404"),
        ("/none.json", None, [], r"none\.json could not be fetched: 404"),
        ("/a.json", SHA256, ["busy"] * 4, r"a\.json could not be fetched: 503"),
        ("/a.json", SHA256, ["cut"] * 4, r"a\.json could not be fetched: .*IncompleteRead\(700 bytes read, 700 more"),
        ("/a.json", None, ["cut"] * 4, r"a\.json could not be fetched: .*IncompleteRead"),
        ("/a.json", "0" * 64, [], rf"a\.json is not the expected file: it has changed or arrived damaged: .*{SHA256}"),
    ],
)
def test_a_file_that_cannot_be_fetched_or_is_another_one_is_refused_and_not_kept(server, tmp_path, path, sha256, fates, message):
    server.fates[:] = fates
    with pytest.raises((ValueError, OSError), match=message):
        fetch(server.url + path, sha256)
    assert len(server.requested) == 4  # the first attempt and three retries
    assert cached(tmp_path) == []


def test_an_unreachable_server_is_named(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(OSError, match=rf"{server.url}/a.json could not be fetched: .*Connection refused"):
        fetch(f"{server.url}/a.json", SHA256)


def test_a_download_is_retried_and_then_kept(server, tmp_path):
    server.fates[:] = ["cut", "busy"]
    path = fetch(f"{server.url}/a.json", SHA256)
    assert path.read_bytes() == CONTENT
    assert (len(server.requested), cached(tmp_path)) == (3, [path])
    assert fetch(f"{server.url}/a.json", SHA256) == path
    assert len(server.requested) == 3


def test_a_damaged_file_in_the_cache_is_fetched_again(server):
    path = fetch(f"{server.url}/a.json", SHA256)
    path.write_bytes(b"x")
    assert fetch(f"{server.url}/a.json", SHA256).read_bytes() == CONTENT


def test_a_file_of_unknown_hash_is_compared_with_the_first_one_fetched(server, tmp_path):
    lock, url = tmp_path / "build" / "data.sha256", f"{server.url}/a.json"
    source = {"local": "a.json", "url": url, "sha256": None}

    def read(items=5, lock=lock):
        path = published_file("t", {**source, "items": 5}, "", None)
        check_published(path, {**source, "items": 5}, items, lock and str(lock))
        return path.read_bytes()

    with pytest.raises(ValueError, match="has 4 items, and 5 were published"):
        read(items=4)
    assert not lock.exists()
    assert cached(tmp_path) == []
    assert read() == CONTENT
    assert lock.read_text() == f"{SHA256}  {url}\n"
    assert read() == CONTENT
    shutil.rmtree(tmp_path / "cache")  # another machine, later
    server.files["/a.json"] = b"other"
    with pytest.raises(ValueError, match=rf"a\.json has changed: .* holds {SHA256} of an earlier reading.* remove"):
        read()
    assert read(lock=None) == b"other"
    assert lock.read_text().count("\n") == 1


@pytest.fixture
def load_from(server, tmp_path, monkeypatch):
    """Loads a Japanese task with its addresses replaced by the test's server."""
    folder = shutil.copytree(tasks_folder(), tmp_path / "tasks")
    for path in (folder / "japanese").glob("*.yaml"):
        lines = [line.replace("https://raw.githubusercontent.com", server.url) for line in path.read_text().splitlines()]
        path.write_text("\n".join(lines) + "\n")
    monkeypatch.setattr("eval.scoring.lm_eval_tasks.tasks_folder", lambda: folder)

    def load(name):
        settings = EvalSettings(model="m", tasks=[name], output_dir="o", data_lock=tmp_path / "lock")
        return load_tasks(request_tasks([read_catalogue(folder)[name]], None), settings)[name]

    return load


JEMHOPQA = "/aiishii/JEMHopQA/main/corpus/{}_ver1.1.json"


def test_the_published_files_of_a_task_are_fetched_checked_and_read(server, load_from, shared_data, tmp_path):
    for split in ("dev", "train"):
        server.files[JEMHOPQA.format(split)] = (shared_data / "eval" / "jemhopqa" / f"{split}_ver1.1.json").read_bytes()
    task = load_from("jemhopqa")
    assert (len(task.eval_docs), len(task.dataset["fewshot"])) == (120, 1059)
    assert not (tmp_path / "lock").exists()  # both hashes are known
    server.files[JEMHOPQA.format("dev")] += b" "
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(ConfigurationError, match=r"jemhopqa: its data .*dev_ver1\.1\.json is not the expected file"):
        load_from("jemhopqa")


def test_a_file_with_another_number_of_items_is_refused(server, load_from, shared_data):
    development = (shared_data / "eval" / "niilc" / "NIILC-ECQA2015_dev.xml").read_bytes()
    for split in ("dev", "test"):
        server.files[f"/mynlp/niilc-qa/master/data/NIILC-ECQA2015_{split}.xml"] = development
    with pytest.raises(ConfigurationError, match=r"NIILC-ECQA2015_test\.xml has 795 items, and 198 were published"):
        load_from("niilc")


def test_a_task_whose_files_are_missing_is_named_with_the_remedy(load_from):
    with pytest.raises(ConfigurationError, match=r"jemhopqa: its data .* could not be fetched: 404.*; set data_dir to local"):
        load_from("jemhopqa")


def test_the_hubs_data_are_counted_compared_with_the_lock_and_recorded_with_their_commit(repository, tmp_path):
    program = repository / "tests" / "eval" / "hub_program.py"
    command = [sys.executable, str(program), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=repository, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    refused = "xcodah_ja: its data cannot be read: INK-USC/xcsr (X-CODAH-jap, "
    assert found["gone"].startswith(f"{refused}main) could not be read from the hub: ")
    assert found["cut"].startswith(f"{refused}main) could not be read from the hub: peer closed connection")
    assert found["other data set"].startswith(f"{refused}main) could not be read from the hub: ")
    assert f"{refused}validation) has 299 items, and 300 were published: the data have changed" in found["one item less"]
    items, commit = found["published"]
    assert items == 300
    assert len(bytes.fromhex(commit)) == 20
    assert found["lock"].endswith("  INK-USC/xcsr (X-CODAH-jap, validation)\n")
    assert found["again"] == found["published"]
    assert f"{refused}validation) has changed: its sha256 is " in found["one item changed"]
    assert found["still one line"]
