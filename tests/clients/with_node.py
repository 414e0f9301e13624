"""Runs a command beside a node of its own that speaks TLS 1.3 under a certificate made for the run, and ends as the command ends.

Usage: with_node.py CARELEDGER COMMAND…
The command finds FHIR_URL, FHIR_TOKEN (a clinician's) and FHIR_CERTIFICATE (PEM file) in its environment.
"""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from node import Node, make_certificate, run  # noqa: E402


def main(command):
    with tempfile.TemporaryDirectory(prefix="careledger-clients-") as scratch:
        folder = os.path.join(scratch, "node")
        certificate, key = make_certificate(scratch)
        run("init", folder, "--organisation", "North Hospital", check=0)
        token = run("token", folder, "--organisation", "North Hospital", check=0).stdout.strip()
        node = Node(folder, "--certificate", certificate, "--certificate-key", key)
        try:
            environment = dict(os.environ, FHIR_URL=node.fhir, FHIR_TOKEN=token, FHIR_CERTIFICATE=certificate,
                               NODE_EXTRA_CA_CERTS=certificate)
            return subprocess.run(command, env=environment, timeout=300, check=False).returncode
        finally:
            node.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
