#!/usr/bin/env python3
"""Turns the JSON vectors of other projects into the tab-separated tables under tests/vectors/crypto, which the unit tests read.

    tools/convert_crypto_vectors.py SOURCES tests/vectors/crypto

SOURCES holds the files named below; tests/vectors/crypto/README.md says where each comes from. Run again only to add vectors.
"""
import json
import pathlib
import sys

SEQUENCES = (0, 1, 2, 4, 255, 256)   # the messages of each context that RFC 9180 prints


def write(path, columns, rows):
    with open(path, "w", encoding="ascii", newline="\n") as file:
        file.write("# " + "\t".join(columns) + "\n")
        for row in rows:
            assert len(row) == len(columns) and not any("\t" in str(field) for field in row)
            file.write("\t".join(str(field) for field in row) + "\n")


def groups(path):
    for group in json.loads(path.read_text())["testGroups"]:
        for test in group["tests"]:
            yield group, test


def ed25519(sources, target):
    cases = json.loads((sources / "cctv-ed25519vectors.json").read_text())
    write(target / "ed25519_cctv.tsv", ("number", "key", "signature", "message", "flags"),
          [(c["number"], c["key"], c["sig"], c["msg"].encode().hex(), ",".join(c.get("flags") or [])) for c in cases])
    cases = json.loads((sources / "wycheproof-ed25519.json").read_text())
    write(target / "ed25519_wycheproof.tsv", ("number", "key", "signature", "message", "result"),
          [(c["tcId"], c["key"]["pk"], c["sig"], c["msg"], c["result"]) for c in cases])


def aead(sources, target):
    rows = [(t["tcId"], t["key"], t["iv"], t["aad"], t["msg"], t["ct"] + t["tag"], t["result"])
            for g, t in groups(sources / "aes_gcm_test.json")
            if (g["keySize"], g["ivSize"], g["tagSize"]) == (256, 96, 128)]
    write(target / "aes256gcm_wycheproof.tsv", ("number", "key", "nonce", "associated", "plain", "sealed", "result"), rows)


def hashes(sources, target):
    rows = [(t["tcId"], t["key"], t["msg"], t["tag"], t["result"])
            for g, t in groups(sources / "hmac_sha256_test.json") if g["tagSize"] == 256]
    write(target / "hmac_sha256_wycheproof.tsv", ("number", "key", "message", "tag", "result"), rows)
    rows = [(t["tcId"], t["ikm"], t["salt"], t["info"], t["size"], t["okm"])
            for _, t in groups(sources / "hkdf_sha256_test.json") if t["result"] == "valid"]
    write(target / "hkdf_sha256_wycheproof.tsv", ("number", "secret", "salt", "info", "count", "expanded"), rows)


def sequence_of(vector, encryption):
    return int(vector["base_nonce"], 16) ^ int(encryption["nonce"], 16)


def hpke(source, target):
    columns = ("context", "mode", "aead", "info", "ikmE", "skRm", "pkRm", "skSm", "pkSm", "psk", "psk_id", "enc", "sequence",
               "associated", "plain", "sealed")
    rows = []
    for number, v in enumerate(json.loads(source.read_text())):
        if (v["kem_id"], v["kdf_id"]) != (0x20, 1) or v["aead_id"] not in (1, 2, 3):
            continue
        for e in v["encryptions"]:
            if sequence_of(v, e) in SEQUENCES:
                shared = [v.get(k, "") for k in ("info", "ikmE", "skRm", "pkRm", "skSm", "pkSm", "psk", "psk_id", "enc")]
                text = [e.get("ciphertext") or e.get("ct"), e.get("plaintext") or e.get("pt")]
                rows.append([number, v["mode"], v["aead_id"], *shared, sequence_of(v, e), e["aad"], text[1], text[0]])
    write(target, columns, rows)


def main():
    sources, target = map(pathlib.Path, sys.argv[1:])
    ed25519(sources, target)
    aead(sources, target)
    hashes(sources, target)
    hpke(sources / "test-vectors-5f503c5.json", target / "hpke_rfc9180.tsv")
    hpke(sources / "hpke-circl.json", target / "hpke_circl.tsv")


if __name__ == "__main__":
    main()
