"""`careledger import`: folders, every kind of file, a journal by which a run that was cut off goes on. Usage: import_test.py CARELEDGER"""

import base64
import fcntl
import gzip
import json
import os
import signal
import subprocess
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from node import NORTH, PROGRAM, Scratch, http, run, token

# 40 lines {"resourceType": "Patient", "id": "z0", "active": true}, packed by zstd 1.5.4: nothing in Python 3.11 can.
ZST = base64.b64decode(
    "KLUv/QRoPQQA0oUUGJC7AUBp39M7EDGIe/8iERFlZoDm9SlwAa6xpbx5U7vGlvLmTewaW8qbd11jS3nzAtEzMKag37xoFJqBpud4moFG5F8sBk"
    "1BX3GINyCTLA8VCimoEaCzf1cD0FPLAREwBP8N4d8h3A9tq63d4lar7abitlXtLpemQSYiySlCvOX9E0DUAMCnGw==")


def patient(**more):
    return {"resourceType": "Patient", **more}


def bundle(kind, *resources):
    """Creates, whose ids are the node's: sent twice they would be there twice."""
    entries = [{"resource": one, "request": {"method": "POST", "url": one["resourceType"]}} for one in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def named(name):
    return patient(identifier=[{"system": "urn:file", "value": name}])


class Between:
    """Stands between the command and the node: hands on what comes, and kills the command instead of giving it its nth answer."""

    def __init__(self, node, kill_at):
        self.kill_at = kill_at
        self.answered = 0
        self.process = None
        self.lock = threading.Lock()
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                between.hand_on(self, node)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.origin = f"http://127.0.0.1:{self.server.server_port}"

    def hand_on(self, asked, node):
        body = asked.rfile.read(int(asked.headers["Content-Length"]))
        headers = {name: asked.headers[name] for name in ("Authorization", "Idempotency-Key") if asked.headers[name]}
        with self.lock:  # one after the other, so that the nth is the same one in every run
            status, _, answer = http(node.origin + asked.path, "POST", body=body, headers=headers)
            self.answered += 1
            if self.answered >= self.kill_at:
                self.process.send_signal(signal.SIGKILL)
                self.process.wait(60)
                asked.close_connection = True
                return
        asked.send_response(status)
        asked.send_header("Content-Length", str(len(answer)))
        asked.end_headers()
        asked.wfile.write(answer)

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Import(Scratch):
    def setUp(self):
        super().setUp()
        self.sources = os.path.join(self.scratch, "sources")
        self.journal = os.path.join(self.scratch, "import.journal")
        os.makedirs(os.path.join(self.sources, "deeper"))
        self.init()

    def write(self, name, content):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        path = os.path.join(self.sources, name)
        with open(path, "wb") as file:
            file.write(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    def bring(self, *more, check=None):
        done = run("--json", "import", self.folder, self.sources, "--organisation", NORTH, *more, check=check)
        return json.loads(done.stdout)

    def count(self, node, query):
        return json.loads(node.call("GET", f"/Patient?{query}&_summary=count", token(self.folder))[2])["total"]

    def version(self, node, name):
        return json.loads(node.call("GET", "/Patient/" + name, token(self.folder))[2])["meta"]["versionId"]

    def lines(self, *names, bad=()):
        return b"".join(json.dumps(patient(id=name, **({"nickname": "x"} if name in bad else {}))).encode() + b"\n" for name in names)

    def test_a_folder_with_every_kind_of_file_and_what_is_refused_of_it(self):
        self.write("a.json", bundle("transaction", named("a"), named("a")))
        self.write("b.json.gz", bundle("batch", named("b"), patient(nickname="x")))
        self.write("c.ndjson.zst", ZST)
        self.write("deeper/d.ndjson", self.lines("d1", "d2", "d3", bad=("d2",)) + b"\n{}\n")
        self.write("e.ndjson.gz", self.lines("e1"))
        whole = self.write("f.json", bundle("transaction", named("f"), patient(nickname="x")))
        torn = self.write("g.json.zst", ZST[:-5])
        self.write("h.json.gz", b"")
        os.truncate(os.path.join(self.sources, "h.json.gz"), 12)
        for passed_by in (".hidden.json", "notes.txt"):
            self.write(passed_by, bundle("transaction", named("passed by")))
        node = self.serve()
        told = self.bring(check=5)
        refused = {one["source"].removeprefix(self.sources + "/"): one["why"] for one in told["refused"]}
        self.assertEqual(sorted(refused),
                         ["b.json.gz entry 1", "deeper/d.ndjson:2", "deeper/d.ndjson:5", "f.json", "g.json.zst", "h.json.gz"])
        for place in ("b.json.gz entry 1", "deeper/d.ndjson:2", "f.json"):
            self.assertIn("nickname", refused[place])
        self.assertIn("not whole zstd data", refused["g.json.zst"])
        self.assertIn("not whole gzip data", refused["h.json.gz"])
        self.assertEqual((told["files"], told["skipped"], told["resources"]), (8, 0, 2 + 1 + 40 + 2 + 1))
        for name, there in (("a", 2), ("b", 1), ("f", 0), ("passed by", 0)):
            self.assertEqual(self.count(node, "identifier=urn:file|" + name.replace(" ", "%20")), there, name)
        self.assertEqual(self.count(node, "active=true"), 40)
        said = run("import", self.folder, whole, torn, "--organisation", NORTH, check=5).stdout
        for source in (whole, torn):
            self.assertRegex(said, f"refused {source}: .+")
        self.assertEqual(run("import", self.folder, self.sources + "/none", "--organisation", NORTH).returncode, 3)

    def test_a_line_brings_no_request_of_its_own_and_is_named_when_refused(self):
        node = self.serve()
        bearer = token(self.folder)
        self.assertEqual(node.call("PUT", "/Patient/victim", bearer, {"resourceType": "Patient", "id": "victim"})[0], 201)
        lines = [{"resourceType": "Patient", "id": 'x1"}},{"request":{"method":"DELETE","url":"Patient/victim'},
                 {"resourceType": "Patient", "id": "good"}, {"resourceType": "Patient", "id": "bad", "nickname": "x"}]
        source = self.write("lines.ndjson", "\n".join(json.dumps(line) for line in lines).encode())
        told = run("import", self.folder, source, "--organisation", NORTH)
        self.assertEqual(told.returncode, 5)
        self.assertIn(f"{source}:1", told.stdout + told.stderr)
        self.assertIn(f"{source}:3", told.stdout + told.stderr)
        self.assertIn("nickname", told.stdout + told.stderr)
        self.assertEqual([node.call("GET", "/Patient/" + name, bearer)[0] for name in ("victim", "good", "bad")], [200, 200, 404])

    def test_killed_before_an_answer_it_goes_on_and_everything_is_there_once(self):
        for name in ("a", "b", "c", "d", "e", "f"):
            self.write(name + ".json", bundle("transaction", named(name)))
        self.write("g.json", bundle("batch", named("g"), patient(nickname="x"), named("g")))
        self.write("h.ndjson", self.lines("h1", "h2", "h3", bad=("h2",)))
        self.write("i.ndjson", self.lines("i1"))
        node = self.serve()
        running = os.path.join(self.folder, "running.json")
        with open(running, encoding="utf-8") as file:
            addresses = file.read()
        for kill_at in (3, 5):  # while c is sent, then while g is, of which one entry is refused
            between = Between(node, kill_at)
            try:
                with open(running, "w", encoding="utf-8") as file:
                    file.write(addresses.replace(node.origin, between.origin))
                between.lock.acquire()
                between.process = subprocess.Popen([PROGRAM, "import", self.folder, self.sources, "--organisation", NORTH, "--journal",
                                                    self.journal, "--connections", "1"], stdout=subprocess.DEVNULL)
                between.lock.release()
                self.assertEqual(between.process.wait(60), -signal.SIGKILL)
                self.assertEqual(between.answered, kill_at)
            finally:
                between.close()
        with open(running, "w", encoding="utf-8") as file:
            file.write(addresses)
        told = self.bring("--journal", self.journal, check=5)
        where = sorted(one["source"].removeprefix(self.sources + "/") for one in told["refused"])
        self.assertEqual(where, ["g.json entry 1", "h.ndjson:2"], "what the runs that were killed had no time to say")
        self.assertEqual(told["resources"], 3, "the rest: two lines of h and one of i")
        self.assertEqual(told["skipped"], 6)
        for name, there in (("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1), ("f", 1), ("g", 2)):
            self.assertEqual(self.count(node, "identifier=urn:file|" + name), there, name)
        for name in ("h1", "h3", "i1"):
            self.assertEqual(self.version(node, name), "1", name)

        # Once more nothing happens, but that the refusals are said again; mended, they go in.
        again = self.bring("--journal", self.journal, check=5)
        self.assertEqual((again["resources"], again["skipped"], len(again["refused"])), (0, 7, 2))
        self.assertEqual(self.count(node, "identifier=urn:file|g"), 2)
        self.assertEqual(self.version(node, "h1"), "1")
        self.write("h.ndjson", self.lines("h1", "h2", "h3"))
        os.unlink(os.path.join(self.sources, "g.json"))
        self.assertEqual(self.bring("--journal", self.journal, check=0)["resources"], 3)
        self.assertEqual(node.call("GET", "/Patient/h2", token(self.folder))[0], 200)
        done = self.bring("--journal", self.journal, check=0)
        self.assertEqual((done["resources"], done["skipped"], done["files"]), (0, 8, 8))
        with open(self.journal, encoding="ascii") as file:
            self.assertNotIn("json", file.read(), "a file's name may be a patient's")

    def test_what_refers_to_a_later_file_is_stored_by_the_second_run(self):
        late = {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"},
                "subject": {"reference": "Patient/late"}}
        self.write("a.ndjson", json.dumps(late).encode() + b"\n" + self.lines("a"))
        self.write("b.ndjson", self.lines("late"))
        node = self.serve()
        once = ("--journal", self.journal, "--connections", "1")
        first = self.bring(*once, check=5)
        self.assertEqual([one["source"] for one in first["refused"]], [os.path.join(self.sources, "a.ndjson:1")])
        self.assertEqual(first["resources"], 2)
        second = self.bring(*once, check=0)
        self.assertEqual((second["resources"], second["skipped"], second["refused"]), (1, 1, []))
        self.assertEqual(node.call("GET", "/Observation/o", token(self.folder))[0], 200)
        self.assertEqual(self.version(node, "a"), "1")
        self.assertEqual(self.bring(*once, check=0)["skipped"], 2)

    def test_one_import_at_a_time_works_with_a_journal(self):
        self.write("a.json", bundle("transaction", named("a")))
        with open(self.journal + ".lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = run("import", self.folder, self.sources, "--organisation", NORTH, "--journal", self.journal)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("another import works with the journal", done.stderr)
        self.assertEqual(self.bring("--journal", self.journal, check=0)["resources"], 1)

    def test_a_journal_that_is_torn_goes_on_and_one_that_is_none_is_left_alone(self):
        self.write("a.json", bundle("transaction", named("a")))
        self.bring("--journal", self.journal, check=0)
        with open(self.journal, "ab") as file:
            file.write(b"0123")
        self.write("b.json", bundle("transaction", named("b")))
        self.assertEqual(self.bring("--journal", self.journal, check=0)["skipped"], 1)
        self.assertEqual(self.bring("--journal", self.journal, check=0)["skipped"], 2)
        other = self.write("notes.txt", b"not a journal\n")
        done = run("import", self.folder, self.sources, "--organisation", NORTH, "--journal", other)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("no journal", done.stderr)
        with open(other, "rb") as file:
            self.assertEqual(file.read(), b"not a journal\n")
        node = self.serve()
        self.assertEqual([self.count(node, "identifier=urn:file|" + name) for name in "ab"], [1, 1])


if __name__ == "__main__":
    unittest.main()
