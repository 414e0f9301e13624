package careledger

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// What a stranger needs to check a receipt (c2sp.org/tlog-proof) with x/mod: the log's key, and nothing of ours.
func checkReceipt(text, logKey string) error {
	head, checkpoint, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	entry, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	verifier, err := note.NewVerifier(logKey)
	if err != nil {
		return err
	}
	opened, err := note.Open([]byte(checkpoint), note.VerifierList(verifier))
	if err != nil {
		return err
	}
	tree := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(tree[1], 10, 64)
	if err != nil {
		return err
	}
	root, err := tlog.ParseHash(tree[2])
	if err != nil {
		return err
	}
	return tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry))
}

func TestReceipt(t *testing.T) {
	v := read(t)
	if err := checkReceipt(v.Receipt, v.LogKey); err != nil {
		t.Fatal(err)
	}
	entry := strings.Index(v.Receipt, "extra ")
	other := "extra A"
	if v.Receipt[entry:entry+7] == other {
		other = "extra B"
	}
	for _, change := range [][2]string{{"index 69", "index 68"}, {"\n70\n", "\n71\n"}, {v.Receipt[entry : entry+7], other}} {
		changed := strings.Replace(v.Receipt, change[0], change[1], 1)
		if changed == v.Receipt || checkReceipt(changed, v.LogKey) == nil {
			t.Errorf("accepted with %q for %q", change[1], change[0])
		}
	}
}
