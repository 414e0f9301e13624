// Package careledger checks with the unmodified Go libraries what the C++ program writes.
package careledger

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/cometbft/cometbft/crypto/merkle"
	cmtcrypto "github.com/cometbft/cometbft/proto/tendermint/crypto"
	ics23 "github.com/cosmos/ics23/go"
	formats "github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

type row struct{ Key, Value, Ics23, Ops []byte }

type vectors struct {
	StateRoot  []byte `json:"state_root"`
	AppHash    []byte `json:"app_hash"`
	LogValue   []byte `json:"log_value"`
	LogIcs23   []byte `json:"log_ics23"`
	LogOps     []byte `json:"log_ops"`
	StateValue []byte `json:"state_value"`
	StateIcs23 []byte `json:"state_ics23"`
	StateOps   []byte `json:"state_ops"`
	Members    []row
	Absent     []row
	Note       string
	Receipt    string
	LogKey     string `json:"log_key"`
	WitnessKey string `json:"witness_key"`
}

func read(t *testing.T) vectors {
	t.Helper()
	text, err := os.ReadFile("../vectors/proof/foreign.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func commitment(t *testing.T, raw []byte) *ics23.CommitmentProof {
	t.Helper()
	var proof ics23.CommitmentProof
	if err := proof.Unmarshal(raw); err != nil {
		t.Fatal(err)
	}
	return &proof
}

func TestIcs23Membership(t *testing.T) {
	v := read(t)
	if len(v.Members) < 55 {
		t.Fatal("too few members")
	}
	for _, m := range v.Members {
		proof := commitment(t, m.Ics23)
		if !ics23.VerifyMembership(ics23.TendermintSpec, v.StateRoot, proof, m.Key, m.Value) {
			t.Errorf("%x: refused", m.Key)
		}
		if ics23.VerifyMembership(ics23.TendermintSpec, v.StateRoot, proof, m.Key, append(m.Value, 'x')) {
			t.Errorf("%x: another value accepted", m.Key)
		}
	}
	// Second level: the state's and the log's root in the app hash.
	if !bytes.Equal(v.StateValue, v.StateRoot) {
		t.Error("the app hash holds another state root")
	}
	for name, p := range map[string][2][]byte{"state": {v.StateIcs23, v.StateValue}, "log": {v.LogIcs23, v.LogValue}} {
		if !ics23.VerifyMembership(ics23.TendermintSpec, v.AppHash, commitment(t, p[0]), []byte(name), p[1]) {
			t.Errorf("%s: refused", name)
		}
	}
}

func TestIcs23Absence(t *testing.T) {
	v := read(t)
	for i, a := range v.Absent {
		proof := commitment(t, a.Ics23)
		if !ics23.VerifyNonMembership(ics23.TendermintSpec, v.StateRoot, proof, a.Key) {
			t.Errorf("%x: refused", a.Key)
		}
		if ics23.VerifyNonMembership(ics23.TendermintSpec, v.StateRoot, proof, v.Members[i].Key) {
			t.Errorf("%x: hides a member", a.Key)
		}
	}
}

func TestSimpleValueOps(t *testing.T) {
	v := read(t)
	runtime := merkle.DefaultProofRuntime()
	checked := 0
	for _, m := range v.Members {
		if m.Ops == nil {
			continue
		}
		var ops cmtcrypto.ProofOps
		if err := ops.Unmarshal(m.Ops); err != nil {
			t.Fatal(err)
		}
		path := merkle.KeyPath{}.AppendKey([]byte("state"), merkle.KeyEncodingURL).AppendKey(m.Key, merkle.KeyEncodingHex)
		if err := runtime.VerifyValue(&ops, v.AppHash, path.String(), m.Value); err != nil {
			t.Errorf("%x: %v", m.Key, err)
		}
		if runtime.VerifyValue(&ops, v.AppHash, path.String(), append(m.Value, 'x')) == nil {
			t.Errorf("%x: another value accepted", m.Key)
		}
		checked++
	}
	if checked < 50 || checked == len(v.Members) {
		t.Errorf("%d of %d members have operations", checked, len(v.Members))
	}
	var ops cmtcrypto.ProofOps
	if err := ops.Unmarshal(v.LogOps); err != nil {
		t.Fatal(err)
	}
	if err := runtime.VerifyValue(&ops, v.AppHash, "/log", v.LogValue); err != nil {
		t.Error(err)
	}
}

func TestCheckpoint(t *testing.T) {
	v := read(t)
	logKey, err := note.NewVerifier(v.LogKey)
	if err != nil {
		t.Fatal(err)
	}
	witness, err := fnote.NewVerifierForCosignatureV1(v.WitnessKey)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := note.Open([]byte(v.Note), note.VerifierList(logKey, witness))
	if err != nil || len(opened.Sigs) != 2 || len(opened.UnverifiedSigs) != 0 {
		t.Fatalf("%v %+v", err, opened)
	}
	at, err := fnote.CoSigV1Timestamp(opened.Sigs[1])
	if err != nil || !at.Equal(time.Unix(1764000000, 0)) {
		t.Errorf("%v %v", err, at)
	}
	checkpoint, rest, cosigned, err := formats.ParseCheckpoint([]byte(v.Note), logKey.Name(), logKey, witness)
	if err != nil || checkpoint.Size != 70 || len(rest) != 0 || len(cosigned.Sigs) != 2 {
		t.Errorf("%v %+v", err, checkpoint)
	}
}

func TestChainVectorsComeFromCometBft(t *testing.T) {
	out := filepath.Join(t.TempDir(), "chain.json")
	if text, err := exec.Command("go", "run", "./vectors", out).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	fresh, _ := os.ReadFile(out)
	kept, _ := os.ReadFile("../vectors/comet/chain.json")
	if len(fresh) == 0 || !bytes.Equal(fresh, kept) {
		t.Error("tests/vectors/comet/chain.json is not what CometBFT gives")
	}
}
