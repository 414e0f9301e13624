// Command light follows a running node with the unmodified Go package `light` of CometBFT v0.38.25, and checks queries against what it
// came to trust: values by CometBFT's own proof operators, absence by ICS23.
//
//	light PRIMARY WITNESS CHAIN_ID TRUSTED_HEIGHT TRUSTED_HASH [KEY_IN_HEX…]
//
// PRIMARY and WITNESS are URLs of two addresses of the RPC. Exit 0 and one line a key when everything holds.
package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/light"
	"github.com/cometbft/cometbft/light/provider"
	lighthttp "github.com/cometbft/cometbft/light/provider/http"
	lightrpc "github.com/cometbft/cometbft/light/rpc"
	lightdb "github.com/cometbft/cometbft/light/store/db"
	rpcclient "github.com/cometbft/cometbft/rpc/client"
	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	ics23 "github.com/cosmos/ics23/go"
)

func check(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "light: %s: %v\n", what, err)
		os.Exit(1)
	}
}

// follow trusts one header and brings the client to the newest.
func follow(ctx context.Context, chain string, options light.TrustOptions, primary, witness string, how light.Option) *light.Client {
	client, err := light.NewHTTPClient(ctx, chain, options, primary, []string{witness},
		lightdb.New(dbm.NewMemDB(), chain), how, light.MaxClockDrift(time.Minute))
	check("start", err)
	_, err = client.Update(ctx, time.Now())
	check("update", err)
	return client
}

// absent verifies two ICS23 proofs: the key is not in the state, and the state's root is in the app hash.
func absent(key []byte, ops []merkleOp, appHash []byte) error {
	if len(ops) != 2 {
		return fmt.Errorf("%d proof operations instead of 2", len(ops))
	}
	var below, above ics23.CommitmentProof
	if err := below.Unmarshal(ops[0].data); err != nil {
		return err
	}
	if err := above.Unmarshal(ops[1].data); err != nil {
		return err
	}
	root, err := below.Calculate()
	if err != nil {
		return err
	}
	if !ics23.VerifyNonMembership(ics23.TendermintSpec, root, &below, key) {
		return errors.New("the proof of absence does not hold")
	}
	if !ics23.VerifyMembership(ics23.TendermintSpec, appHash, &above, ops[1].key, root) {
		return errors.New("the state's root is not in the app hash")
	}
	return nil
}

type merkleOp struct{ key, data []byte }

func query(ctx context.Context, remote *rpchttp.HTTP, checked *lightrpc.Client, client *light.Client, key []byte) {
	const path = "/store/state/key"
	raw, err := remote.ABCIQueryWithOptions(ctx, path, key, rpcclient.ABCIQueryOptions{Prove: true})
	check("query", err)
	if raw.Response.Code != 0 {
		check("query", errors.New(raw.Response.Log))
	}
	if raw.Response.Value != nil {
		_, err = checked.ABCIQuery(ctx, path, key)
		check("proof of "+hex.EncodeToString(key), err)
		fmt.Printf("%x: present, proven at height %d\n", key, raw.Response.Height)
		return
	}
	block, err := client.VerifyLightBlockAtHeight(ctx, raw.Response.Height+1, time.Now())
	check("header", err)
	var ops []merkleOp
	for _, op := range raw.Response.ProofOps.Ops {
		ops = append(ops, merkleOp{op.Key, op.Data})
	}
	check("absence of "+hex.EncodeToString(key), absent(key, ops, block.AppHash))
	fmt.Printf("%x: absent, proven at height %d\n", key, raw.Response.Height)
}

func main() {
	if len(os.Args) < 6 {
		check("usage", errors.New("light PRIMARY WITNESS CHAIN_ID TRUSTED_HEIGHT TRUSTED_HASH [KEY_IN_HEX…]"))
	}
	primary, witness, chain := os.Args[1], os.Args[2], os.Args[3]
	height, err := strconv.ParseInt(os.Args[4], 10, 64)
	check("trusted height", err)
	hash, err := hex.DecodeString(os.Args[5])
	check("trusted hash", err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	options := light.TrustOptions{Period: 14 * 24 * time.Hour, Height: height, Hash: hash}
	sequential := follow(ctx, chain, options, primary, witness, light.SequentialVerification())
	skipping := follow(ctx, chain, options, primary, witness, light.SkippingVerification(light.DefaultTrustLevel))
	last, err := skipping.LastTrustedHeight()
	check("last height", err)
	one, err := sequential.TrustedLightBlock(last)
	check("sequential", err)
	other, err := skipping.TrustedLightBlock(last)
	check("skipping", err)
	if !bytes.Equal(one.Hash(), other.Hash()) {
		check("compare", errors.New("two ways to one height give two headers"))
	}
	source, err := lighthttp.New(chain, primary)
	check("provider", err)
	if _, err = source.LightBlock(ctx, last+1000); !errors.Is(err, provider.ErrHeightTooHigh) {
		check("a height that is not there", fmt.Errorf("answered %v", err))
	}
	fmt.Printf("trusted up to height %d, header %X\n", last, one.Hash())
	remote, err := rpchttp.New(primary, "/websocket")
	check("rpc", err)
	checked := lightrpc.NewClient(remote, skipping, lightrpc.KeyPathFn(lightrpc.DefaultMerkleKeyPathFn()))
	_, err = checked.ConsensusParams(ctx, &last)
	check("consensus parameters", err)
	for _, text := range os.Args[6:] {
		key, err := hex.DecodeString(text)
		check("key", err)
		query(ctx, remote, checked, skipping, key)
	}
}
