// Package storetest is the contract of store.Values as a test: whatever keeps values of a store has to pass it.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"alcove/room/store"
)

// An Opener opens what one name stands for: the same values each time, empty at first. Two may be open at once where the implementation
// allows it; the contract opens one after the other.
type Opener func(t *testing.T, name string) store.Values

// Run holds an implementation to the contract.
func Run(t *testing.T, open Opener) {
	for name, test := range map[string]func(*testing.T, func() store.Values){
		"reads what was committed":  testRead,
		"survives closing":          testReopen,
		"commits all or nothing":    testAtomic,
		"applies in order":          testOrder,
		"creates once":              testCreate,
		"creates once of many":      testCreateConcurrently,
		"remembers what may expire": testExpires,
		"reads by prefix":           testPrefix,
		"gives copies":              testCopies,
		"takes large values":        testLarge,
		"stops with its context":    testContext,
		"fails when closed":         testClosed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, func() store.Values {
				v := open(t, name)
				t.Cleanup(func() { v.Close() })
				return v
			})
		})
	}
}

func put(bucket store.Bucket, key, value string) store.Change {
	return store.Change{Bucket: bucket, Key: key, Value: []byte(value)}
}

func create(key, value string) store.Change {
	return store.Change{Bucket: store.UsedTokens, Key: key, Value: []byte(value), Create: true, Expires: time.Now().Add(time.Hour)}
}

func commit(t *testing.T, v store.Values, changes ...store.Change) []store.Outcome {
	t.Helper()
	outcomes, err := v.Commit(changes)
	if err != nil || len(outcomes) != len(changes) {
		t.Fatalf("%d outcomes of %d changes, %v", len(outcomes), len(changes), err)
	}
	return outcomes
}

// expect compares a whole bucket.
func expect(t *testing.T, v store.Values, bucket store.Bucket, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	err := v.Each(t.Context(), bucket, "", func(key string, value []byte) error { got[key] = string(value); return nil })
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s holds %v, want %v (%v)", bucket, got, want, err)
	}
	for key, value := range want {
		if got, err := v.Get(t.Context(), bucket, key); err != nil || got == nil || string(got) != value {
			t.Errorf("%s/%s is %q, want %q (%v)", bucket, key, got, value, err)
		}
	}
}

func testRead(t *testing.T, open func() store.Values) {
	v := open()
	if got, err := v.Get(t.Context(), store.Meta, "none"); got != nil || err != nil {
		t.Errorf("what is not there is %q, %v", got, err)
	}
	for _, b := range store.Buckets() {
		expect(t, v, b, map[string]string{})
		commit(t, v, put(b, "a", "in "+string(b)))
	}
	for _, b := range store.Buckets() { // a key is of one bucket
		expect(t, v, b, map[string]string{"a": "in " + string(b)})
	}
	commit(t, v)
	commit(t, v, put(store.Meta, "a", "new"), put(store.Meta, "empty", ""), put(store.Meta, "bytes", "\x00\xff\n"))
	expect(t, v, store.Meta, map[string]string{"a": "new", "empty": "", "bytes": "\x00\xff\n"})
	commit(t, v, store.Change{Bucket: store.Meta, Key: "a"}, store.Change{Bucket: store.Meta, Key: "none"})
	expect(t, v, store.Meta, map[string]string{"empty": "", "bytes": "\x00\xff\n"})
}

func testReopen(t *testing.T, open func() store.Values) {
	v := open()
	commit(t, v, put(store.Sessions, "a", "1"), put(store.Meta, "b", "2"), create("c", "3"))
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	v = open()
	expect(t, v, store.Sessions, map[string]string{"a": "1"})
	expect(t, v, store.Meta, map[string]string{"b": "2"})
	if outcomes := commit(t, v, create("c", "4")); outcomes[0] != store.Exists {
		t.Errorf("created again after a restart: %v", outcomes)
	}
}

func testAtomic(t *testing.T, open func() store.Values) {
	v := open()
	commit(t, v, put(store.Sessions, "a", "old"))
	for name, bad := range map[string]store.Change{
		"an empty key":       put(store.Meta, "", "x"),
		"no such bucket":     put("none", "a", "x"),
		"expires, no create": {Bucket: store.Meta, Key: "a", Value: []byte("x"), Expires: time.Now().Add(time.Hour)},
	} {
		if _, err := v.Commit([]store.Change{put(store.Sessions, "a", "new"), create("c", "1"), bad, put(store.Meta, "b", "new")}); err == nil {
			t.Errorf("%s is committed", name)
		}
		expect(t, v, store.Sessions, map[string]string{"a": "old"})
		expect(t, v, store.UsedTokens, map[string]string{})
		expect(t, v, store.Meta, map[string]string{})
	}
	commit(t, v, put(store.Sessions, "a", "new")) // it goes on
	expect(t, v, store.Sessions, map[string]string{"a": "new"})
}

func testOrder(t *testing.T, open func() store.Values) {
	v := open()
	outcomes := commit(t, v, put(store.Meta, "a", "1"), put(store.Meta, "a", "2"), create("b", "1"), create("b", "2"),
		put(store.Meta, "c", "1"), store.Change{Bucket: store.Meta, Key: "c"})
	if want := []store.Outcome{store.Applied, store.Applied, store.Applied, store.Exists, store.Applied, store.Applied}; !reflect.DeepEqual(outcomes, want) {
		t.Errorf("outcomes are %v, want %v", outcomes, want)
	}
	expect(t, v, store.Meta, map[string]string{"a": "2"})
	expect(t, v, store.UsedTokens, map[string]string{"b": "1"})
}

func testCreate(t *testing.T, open func() store.Values) {
	v := open()
	commit(t, v, create("a", "first"))
	outcomes := commit(t, v, create("a", "second"), put(store.Meta, "b", "beside it"))
	if outcomes[0] != store.Exists || outcomes[1] != store.Applied {
		t.Errorf("outcomes are %v", outcomes)
	}
	expect(t, v, store.UsedTokens, map[string]string{"a": "first"})
	expect(t, v, store.Meta, map[string]string{"b": "beside it"})
}

func testCreateConcurrently(t *testing.T, open func() store.Values) {
	v := open()
	var wg sync.WaitGroup
	created := make(chan int, 16)
	for i := range cap(created) {
		wg.Go(func() {
			outcomes, err := v.Commit([]store.Change{create("a", fmt.Sprint(i))})
			if err != nil {
				t.Error(err)
			} else if outcomes[0] == store.Applied {
				created <- i
			}
		})
	}
	wg.Wait()
	close(created)
	var all []int
	for i := range created {
		all = append(all, i)
	}
	if len(all) != 1 {
		t.Fatalf("created by %v", all)
	}
	expect(t, v, store.UsedTokens, map[string]string{"a": fmt.Sprint(all[0])})
}

func testExpires(t *testing.T, open func() store.Values) {
	v := open()
	commit(t, v, create("a", "1"))
	for i := range 10 { // whatever else is written
		commit(t, v, create(fmt.Sprint("b", i), "1"), put(store.Meta, "c", fmt.Sprint(i)))
	}
	if outcomes := commit(t, v, create("a", "2")); outcomes[0] != store.Exists {
		t.Errorf("forgotten an hour too soon: %v", outcomes)
	}
}

func testPrefix(t *testing.T, open func() store.Values) {
	v := open()
	commit(t, v, put(store.Consents, "a.1", "1"), put(store.Consents, "a.2", "2"), put(store.Consents, "ab.1", "3"), put(store.Consents, "b.1", "4"))
	for prefix, want := range map[string]int{"": 4, "a.": 2, "a": 3, "b.1": 1, "c": 0} {
		n := 0
		err := v.Each(t.Context(), store.Consents, prefix, func(key string, _ []byte) error {
			if !strings.HasPrefix(key, prefix) {
				t.Errorf("%s does not begin with %s", key, prefix)
			}
			n++
			return nil
		})
		if err != nil || n != want {
			t.Errorf("%d keys begin with %q, want %d (%v)", n, prefix, want, err)
		}
	}
	stop := errors.New("enough")
	n := 0
	if err := v.Each(t.Context(), store.Consents, "", func(string, []byte) error { n++; return stop }); !errors.Is(err, stop) || n != 1 {
		t.Errorf("stopped after %d with %v", n, err)
	}
}

func testCopies(t *testing.T, open func() store.Values) {
	v := open()
	value := []byte("as committed")
	commit(t, v, store.Change{Bucket: store.Meta, Key: "a", Value: value})
	copy(value, "overwritten!")
	got, err := v.Get(t.Context(), store.Meta, "a")
	if err != nil {
		t.Fatal(err)
	}
	copy(got, "overwritten!")
	err = v.Each(t.Context(), store.Meta, "", func(_ string, value []byte) error {
		copy(value, "overwritten!")
		commit(t, v, put(store.Meta, "b", "a commit while reading")) // neither waits for the other
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, v, store.Meta, map[string]string{"a": "as committed", "b": "a commit while reading"})
}

func testLarge(t *testing.T, open func() store.Values) {
	v := open()
	large := bytes.Repeat([]byte("0123456789abcdef"), store.MaxValue/16)
	for range 3 {
		commit(t, v, store.Change{Bucket: store.Sessions, Key: "a", Value: large}, put(store.Meta, "b", "beside it"))
	}
	if got, err := v.Get(t.Context(), store.Sessions, "a"); err != nil || !bytes.Equal(got, large) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

func testContext(t *testing.T, open func() store.Values) {
	v := open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Get(ctx, store.Meta, "a"); err == nil {
		t.Error("a value is read for one who gave up")
	}
	if err := v.Each(ctx, store.Meta, "", func(string, []byte) error { return nil }); err == nil {
		t.Error("values are read for one who gave up")
	}
}

func testClosed(t *testing.T, open func() store.Values) {
	v := open()
	commit(t, v, put(store.Meta, "a", "1"))
	for range 2 {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := v.Commit([]store.Change{put(store.Meta, "a", "2")}); err == nil {
		t.Error("a commit after closing")
	}
	if _, err := v.Get(t.Context(), store.Meta, "a"); err == nil {
		t.Error("a value is read after closing")
	}
	if err := v.Each(t.Context(), store.Meta, "", func(string, []byte) error { return nil }); err == nil {
		t.Error("values are read after closing")
	}
	expect(t, open(), store.Meta, map[string]string{"a": "1"})
}
