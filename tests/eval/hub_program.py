"""A data set as the hub serves it, over HTTP on the loopback, read by the loader of the tasks: `python hub_program.py FOLDER`.

A separate program, because libraries read HF_ENDPOINT when they are imported. Prints the outcome of each case as JSON.
"""

import hashlib
import http.server
import json
import os
import sys
import threading
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

CONFIG = "X-CODAH-jap"
README = (
    f"---\nconfigs:\n- config_name: {CONFIG}\n  data_files:\n  - split: validation\n    path: {CONFIG}/validation.jsonl\n---\n"
)


def rows(count, changed=None):
    """Rows in X-CODAH's form; the item `changed` has other text."""
    choices = [{"label": label, "text": f"鴨は{place}で泳ぐ。"} for label, place in zip("ABCD", "池本屋灯", strict=True)]
    for number in range(count):
        question = {"stem": " ", "choices": choices if number != changed else choices[:1] + choices[:3]}
        question["choices"] = [choice | {"label": label} for label, choice in zip("ABCD", question["choices"], strict=True)]
        yield {"id": f"item{number}", "lang": "jap", "question_tag": "o", "question": question, "answerKey": "A"}


class Hub(http.server.BaseHTTPRequestHandler):
    """The routes that `datasets` requests; `state` is the current data set."""

    state: ClassVar[dict] = {}

    def do_HEAD(self):
        self.answer(send=False)

    def do_GET(self):
        self.answer(send=True)

    def answer(self, *, send):
        if self.state["gone"]:
            self.reply(404, b"", {"X-Error-Code": "RepoNotFound"}, send)
            return
        files, path = self.state["files"], urlsplit(self.path).path
        commit = hashlib.sha1(json.dumps({name: content.decode() for name, content in files.items()}).encode()).hexdigest()
        if "/resolve/" in path:
            name = path.split("/resolve/")[1].partition("/")[2]
            if name not in files:
                self.reply(404, b"", {"X-Error-Code": "EntryNotFound"}, send)
                return
            headers = {"X-Repo-Commit": commit, "ETag": f'"{hashlib.sha1(files[name]).hexdigest()}"'}
            self.reply(200, files[name], headers, send, cut=self.state["cut"] and name.endswith(".jsonl"))
        elif "/tree/" in path:
            folder = path.split("/tree/")[1].partition("/")[2]
            found = [
                {"type": "file", "oid": hashlib.sha1(content).hexdigest(), "size": len(content), "path": name}
                for name, content in files.items()
                if name.startswith(folder)
            ]
            self.reply(200, json.dumps(found).encode(), {"Content-Type": "application/json"}, send)
        else:
            about = {"id": "INK-USC/xcsr", "sha": commit, "private": False, "gated": False, "disabled": False, "tags": []}
            about |= {"downloads": 0, "likes": 0, "siblings": [{"rfilename": name} for name in files]}
            self.reply(200, json.dumps(about).encode(), {"Content-Type": "application/json"}, send)

    def reply(self, status, content, headers, send, *, cut=False):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if send:
            self.wfile.write(content[: len(content) // 2] if cut else content)

    def log_message(self, *_):
        pass


def main(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ |= {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(folder / "hf")}
    os.environ |= {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    os.environ.pop("HF_HUB_OFFLINE", None)

    from eval.config import EvalSettings
    from eval.scoring.lm_eval_tasks import hub_commit, load_tasks
    from eval.scoring.task_requests import request_tasks
    from eval.tasks.task_catalogue import read_catalogue, tasks_folder
    from spark_jobs.common.errors import ConfigurationError

    settings = EvalSettings(model="m", tasks=["t"], output_dir="o", data_lock=folder / "data.sha256")
    wanted = request_tasks([read_catalogue(tasks_folder())["xcodah_ja"]], None)

    def case(content, *, gone=False, cut=False, readme=README):
        lines = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in content).encode()
        Hub.state = {"files": {"README.md": readme.encode(), f"{CONFIG}/validation.jsonl": lines}, "gone": gone, "cut": cut}
        try:
            task = load_tasks(wanted, settings)["xcodah_ja"]
        except ConfigurationError as error:
            return str(error)
        return [len(task.eval_docs), hub_commit(task)]

    print(
        json.dumps(
            {
                "gone": case(rows(300), gone=True),
                "cut": case(rows(300), cut=True),
                "other data set": case(rows(300), readme="---\nconfigs: []\n---\n"),
                "one item less": case(rows(299)),
                "published": case(rows(300)),
                "lock": (folder / "data.sha256").read_text(),
                "again": case(rows(300)),
                "one item changed": case(rows(300, changed=299)),
                "still one line": len((folder / "data.sha256").read_text().splitlines()) == 1,
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
