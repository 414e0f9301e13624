"""A node of the real binary, for black-box tests: starts it, waits until it is ready, calls it."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

PROGRAM = sys.argv.pop(1)  # of whoever imports this: the path of careledger stands first


def run(*arguments, check=None):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=300)
    if check is not None and done.returncode != check:
        raise AssertionError(f"{arguments}: exit {done.returncode}, expected {check}\n{done.stdout}\n{done.stderr}")
    return done


class Node:
    """`careledger serve`, ready when its own notification says so."""

    def __init__(self, folder, *arguments):
        self.ready = folder + ".ready"
        notify = folder + ".notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(notify)
            listener.settimeout(120)
            environment = dict(os.environ, NOTIFY_SOCKET=notify)
            self.process = subprocess.Popen([PROGRAM, "serve", folder, "--ready-file", self.ready, "--log-file", folder + ".log",
                                             *arguments],
                                            env=environment, stderr=subprocess.DEVNULL)
            while b"READY=1" not in listener.recv(4096):
                pass
        os.unlink(notify)
        with open(self.ready, encoding="utf-8") as file:
            self.addresses = json.load(file)
        self.fhir = self.addresses["organisations"][0]["fhir"]

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(60)

    def call(self, method, path, token=None, body=None, headers=None):
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.fhir + path, method=method, data=data)
        request.add_header("Content-Type", "application/fhir+json")
        if token:
            request.add_header("Authorization", "Bearer " + token)
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()
