package careledger

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtmath "github.com/cometbft/cometbft/libs/math"
	"github.com/cometbft/cometbft/light"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"
)

type field struct {
	bytes  []byte
	number uint64
}

// The fields of a protobuf message that has only numbers and bytes.
func fields(t *testing.T, raw []byte) map[uint64][]field {
	t.Helper()
	out := map[uint64][]field{}
	take := func() uint64 {
		value, size := binary.Uvarint(raw)
		if size <= 0 {
			t.Fatal("a number is cut off")
		}
		raw = raw[size:]
		return value
	}
	for len(raw) > 0 {
		tag := take()
		one := field{number: take()}
		if tag&7 == 2 {
			one.bytes, raw = raw[:one.number], raw[one.number:]
		}
		out[tag>>3] = append(out[tag>>3], one)
	}
	return out
}

// Of a Chain or a WalkBlock of the bundle's schema.
func lightBlock(t *testing.T, raw []byte) *types.LightBlock {
	t.Helper()
	parts := fields(t, raw)
	var header cmtproto.Header
	var commit cmtproto.Commit
	if err := header.Unmarshal(parts[1][0].bytes); err != nil {
		t.Fatal(err)
	}
	if err := commit.Unmarshal(parts[2][0].bytes); err != nil {
		t.Fatal(err)
	}
	var list []*types.Validator
	for _, one := range parts[3] {
		validator := fields(t, one.bytes)
		list = append(list, types.NewValidator(ed25519.PubKey(validator[1][0].bytes), int64(validator[2][0].number)))
	}
	h, err := types.HeaderFromProto(&header)
	if err != nil {
		t.Fatal(err)
	}
	c, err := types.CommitFromProto(&commit)
	if err != nil {
		t.Fatal(err)
	}
	return &types.LightBlock{SignedHeader: &types.SignedHeader{Header: &h, Commit: c}, ValidatorSet: types.NewValidatorSet(list)}
}

// The unmodified light client of CometBFT goes every way that the verifier of bundles went, at our level of two thirds and at its own.
func TestWalksLeadTheLightClientToo(t *testing.T) {
	var cases []struct {
		Name, Step string
		Bundle     []byte
	}
	text, err := os.ReadFile("../vectors/bundles/walks.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	steps := 0
	for _, one := range cases {
		if one.Step != "ok" {
			continue
		}
		bundle := fields(t, one.Bundle[len("CLPB1\n"):])
		var blocks []*types.LightBlock
		for _, block := range bundle[6] {
			blocks = append(blocks, lightBlock(t, block.bytes))
		}
		blocks = append(blocks, lightBlock(t, bundle[2][0].bytes))
		for i := 1; i < len(blocks); i++ {
			before, later := blocks[i-1], blocks[i]
			for _, level := range []cmtmath.Fraction{{Numerator: 2, Denominator: 3}, light.DefaultTrustLevel} {
				err := light.Verify(before.SignedHeader, before.ValidatorSet, later.SignedHeader, later.ValidatorSet, 14*24*time.Hour,
					later.Time.Add(time.Minute), 10*time.Second, level)
				if err != nil {
					t.Errorf("%s: block %d: %v", one.Name, later.Height, err)
				}
				steps++
			}
		}
	}
	if steps < 40 {
		t.Errorf("only %d steps", steps)
	}
}
