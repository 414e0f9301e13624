// Command vectors writes tests/vectors/comet/chain.json: headers, commits, validator sets, votes and blocks with the hashes and bytes
// that the unmodified CometBFT library gives them. Everything comes from fixed seeds, so that a second run writes the same file.
package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto"
	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/crypto/merkle"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/types"
)

type object = map[string]any

func digest(text string) []byte { h := sha256.Sum256([]byte(text)); return h[:] }

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func key(i int) ed25519.PrivKey {
	return ed25519.GenPrivKeyFromSecret([]byte(fmt.Sprintf("validator %d", i)))
}

func validators(powers []int64) (*types.ValidatorSet, map[string]crypto.PrivKey) {
	return validatorsFrom(0, powers)
}

func validatorsFrom(first int, powers []int64) (*types.ValidatorSet, map[string]crypto.PrivKey) {
	keys := map[string]crypto.PrivKey{}
	var list []*types.Validator
	for i, power := range powers {
		k := key(first + i)
		list = append(list, types.NewValidator(k.PubKey(), power))
		keys[string(k.PubKey().Address())] = k
	}
	return types.NewValidatorSet(list), keys
}

func header(height int64, set, next *types.ValidatorSet, at time.Time, last types.BlockID) types.Header {
	return types.Header{
		Version: cmtversion.Consensus{Block: 11, App: 1}, ChainID: "cl-0123456789abcdef0123456789abcdef01234567",
		Height: height, Time: at, LastBlockID: last,
		LastCommitHash: digest("last commit"), DataHash: digest("data"), ValidatorsHash: set.Hash(), NextValidatorsHash: next.Hash(),
		ConsensusHash: types.DefaultConsensusParams().Hash(), AppHash: digest("app"), LastResultsHash: digest("results"),
		EvidenceHash: types.EvidenceList{}.Hash(), ProposerAddress: set.Validators[0].Address,
	}
}

// flags: c commit, n nil, a absent, one a validator.
func sign(h types.Header, parts types.PartSetHeader, set *types.ValidatorSet, keys map[string]crypto.PrivKey, flags string,
	round int32) *types.Commit {
	commit := &types.Commit{Height: h.Height, Round: round, BlockID: types.BlockID{Hash: h.Hash(), PartSetHeader: parts}}
	for i, v := range set.Validators {
		sig := types.CommitSig{BlockIDFlag: types.BlockIDFlagCommit, ValidatorAddress: v.Address,
			Timestamp: h.Time.Add(time.Duration(i) * 1234567 * time.Nanosecond)}
		switch flags[i] {
		case 'n':
			sig.BlockIDFlag = types.BlockIDFlagNil
		case 'a':
			commit.Signatures = append(commit.Signatures, types.NewCommitSigAbsent())
			continue
		}
		commit.Signatures = append(commit.Signatures, sig)
		bytes := commit.VoteSignBytes(h.ChainID, int32(i))
		commit.Signatures[i].Signature = must(keys[string(v.Address)].Sign(bytes))
	}
	return commit
}

func lightBlock(h types.Header, commit *types.Commit, set *types.ValidatorSet) object {
	signBytes := []string{}
	for i := range commit.Signatures {
		signBytes = append(signBytes, hex.EncodeToString(commit.VoteSignBytes(h.ChainID, int32(i))))
	}
	shp := (&types.SignedHeader{Header: &h, Commit: commit}).ToProto()
	vals := must(set.ToProto())
	verdict := types.VerifyCommit(h.ChainID, set, commit.BlockID, h.Height, commit)
	return object{
		"header": hex.EncodeToString(must(h.ToProto().Marshal())), "header_hash": h.Hash().String(),
		"commit": hex.EncodeToString(must(commit.ToProto().Marshal())), "commit_hash": commit.Hash().String(),
		"signed_header": hex.EncodeToString(must(shp.Marshal())),
		"validators":    hex.EncodeToString(must(vals.Marshal())), "validators_hash": hex.EncodeToString(set.Hash()),
		"sign_bytes": signBytes, "time": h.Time.Format(time.RFC3339Nano), "verifies": verdict == nil,
	}
}

func lightBlocks() []object {
	at := time.Unix(1764000000, 123456789).UTC()
	parts := types.PartSetHeader{Total: 3, Hash: digest("parts")}
	one, oneKeys := validators([]int64{10})
	four, fourKeys := validators([]int64{10, 10, 10, 10})
	seven, sevenKeys := validators([]int64{1, 5, 3, 100, 7, 7, 2})
	last := types.BlockID{Hash: digest("last"), PartSetHeader: types.PartSetHeader{Total: 1, Hash: digest("last parts")}}
	var out []object
	add := func(h types.Header, set *types.ValidatorSet, keys map[string]crypto.PrivKey, flags string, round int32) {
		out = append(out, lightBlock(h, sign(h, parts, set, keys, flags, round), set))
	}
	strangers, strangersKeys := validatorsFrom(100, []int64{10, 10})
	add(header(1, one, one, at, types.BlockID{}), one, oneKeys, "c", 0)
	add(header(2, one, four, at.Add(time.Second), last), one, oneKeys, "c", 0)
	add(header(3, four, four, at.Add(2*time.Second), last), four, fourKeys, "cccc", 0)
	add(header(4, four, four, at.Add(3*time.Second), last), four, fourKeys, "ccca", 1)
	add(header(5, four, four, at.Add(4*time.Second), last), four, fourKeys, "cnac", 0)
	add(header(6, four, four, at.Add(5*time.Second), last), four, fourKeys, "cncc", 2)
	add(header(7, seven, seven, time.Unix(1764000000, 0).UTC(), last), seven, sevenKeys, "ccccccc", 0)
	add(header(9, four, four, at.Add(9*time.Second), last), four, fourKeys, "accc", 0)
	add(header(12, strangers, strangers, at.Add(12*time.Second), last), strangers, strangersKeys, "cc", 0)
	return out
}

func blocks() []object {
	set, keys := validators([]int64{10, 10, 10, 10})
	at := time.Unix(1764000100, 5000000).UTC()
	last := header(1, set, set, at, types.BlockID{})
	commit := sign(last, types.PartSetHeader{Total: 1, Hash: digest("p")}, set, keys, "ccac", 0)
	big := make([]byte, 150000)
	for i := range big {
		big[i] = byte(i * 7)
	}
	var out []object
	for _, txs := range [][]types.Tx{{}, {[]byte("one")}, {[]byte("one"), []byte(""), big}} {
		b := types.MakeBlock(2, txs, commit, nil)
		h := header(2, set, set, at.Add(time.Second), commit.BlockID)
		h.LastCommitHash, h.DataHash, h.EvidenceHash = b.LastCommitHash, b.DataHash, b.EvidenceHash
		b.Header = h
		out = append(out, blockObject(b))
	}
	first := types.MakeBlock(1, nil, &types.Commit{}, nil)
	h := header(1, set, set, at, types.BlockID{})
	h.LastCommitHash, h.DataHash, h.EvidenceHash = first.LastCommitHash, first.DataHash, first.EvidenceHash
	first.Header = h
	return append(out, blockObject(first))
}

func blockObject(b *types.Block) object {
	parts := must(b.MakePartSet(types.BlockPartSizeBytes))
	bytes := must(must(b.ToProto()).Marshal())
	out := object{"hash": b.Hash().String(), "parts_total": parts.Header().Total, "parts_hash": parts.Header().Hash.String(),
		"data_hash": b.DataHash.String(), "last_commit_hash": b.LastCommitHash.String(), "sha256": hex.EncodeToString(digest(string(bytes)))}
	txs := []string{}
	for _, tx := range b.Txs {
		if len(tx) < 1000 {
			txs = append(txs, hex.EncodeToString(tx))
		} else {
			txs = append(txs, "pattern")
		}
	}
	out["txs"] = txs
	out["header"] = hex.EncodeToString(must(b.Header.ToProto().Marshal()))
	out["last_commit"] = hex.EncodeToString(must(b.LastCommit.ToProto().Marshal()))
	return out
}

func small() object {
	results := []*abci.ExecTxResult{{Code: 0, Data: []byte("receipts"), Log: "not hashed"}, {Code: 7, GasWanted: 5, GasUsed: 4}, {}}
	params := types.DefaultConsensusParams()
	params.Block.MaxBytes, params.Block.MaxGas = 1048576, -1
	kv := object{}
	for _, height := range []int64{0, 1, 77} {
		set, _ := validators([]int64{1})
		h := header(height, set, set, time.Unix(0, 0).UTC(), types.BlockID{})
		kv[fmt.Sprint(height)] = h.Hash().String()
	}
	vote := &cmtproto.Vote{Type: cmtproto.PrecommitType, Height: 5, Round: 0, Timestamp: time.Unix(0, 0).UTC()}
	canonical := types.VoteSignBytes("cl-x", vote)
	return object{
		"results_hash": hex.EncodeToString(types.NewResults(results).Hash()), "no_results_hash": hex.EncodeToString(types.NewResults(nil).Hash()),
		"params_hash": hex.EncodeToString(params.Hash()), "evidence_hash": hex.EncodeToString(types.EvidenceList{}.Hash()),
		"empty_commit_hash": (&types.Commit{}).Hash().String(), "header_hash_at_epoch": kv,
		"nil_vote_sign_bytes": hex.EncodeToString(canonical),
		"zero_time":           time.Time{}.Format(time.RFC3339Nano), "address": key(0).PubKey().Address().String(),
		"public_key": hex.EncodeToString(key(0).PubKey().Bytes()), "empty_tree": hex.EncodeToString(merkle.HashFromByteSlices(nil)),
	}
}

func main() {
	all := object{"source": "github.com/cometbft/cometbft v0.38.25 (Apache-2.0), written by tests/go/vectors", "light_blocks": lightBlocks(),
		"blocks": blocks(), "small": small()}
	text := must(json.MarshalIndent(all, "", " "))
	if err := os.WriteFile(os.Args[1], append(text, '\n'), 0o644); err != nil {
		panic(err)
	}
}
