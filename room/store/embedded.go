package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A backend is the JetStream that values are kept in. The embedded one is the only one yet; a cluster needs another connect
// and nothing else.
type backend struct {
	server  *server.Server
	conn    *nats.Conn
	buckets map[string]jetstream.KeyValue
}

// embed starts a server that listens nowhere and writes no log, and makes or finds the buckets. known says that they must be
// there: a store that lost one is not a new one.
func embed(dir string, key Key, known bool) (_ *backend, err error) {
	s, err := server.NewServer(&server.Options{
		ServerName: "alcove", DontListen: true, JetStream: true, StoreDir: dir,
		SyncAlways: true, NoSigs: true, NoLog: true, NoSystemAccount: true, MaxPayload: maxPayload,
		JetStreamMaxMemory: maxMemory, JetStreamMaxStore: maxDisk,
		JetStreamKey: key.jetStream(), JetStreamCipher: server.AES,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot start the store: %w", err)
	}
	s.Start()
	b := &backend{server: s, buckets: map[string]jetstream.KeyValue{}}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if !s.ReadyForConnections(startTimeout) || !s.JetStreamEnabled() {
		return nil, errors.New("cannot start the store: is its folder writable, is its disk full?")
	}
	b.conn, err = nats.Connect("", nats.InProcessServer(s), nats.Name("alcove"),
		nats.NoReconnect(), // what was told to have failed must not be sent later
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // the default prints
	if err != nil {
		return nil, fmt.Errorf("cannot reach the store: %w", err)
	}
	js, err := jetstream.New(b.conn)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for _, c := range bucketConfigs() {
		if b.buckets[c.Bucket], err = openBucket(ctx, js, c, known); err != nil {
			return nil, fmt.Errorf("cannot open the bucket %q of the store: %w", c.Bucket, err)
		}
	}
	return b, nil
}

func openBucket(ctx context.Context, js jetstream.JetStream, c jetstream.KeyValueConfig, known bool) (jetstream.KeyValue, error) {
	if known {
		if _, err := js.KeyValue(ctx, c.Bucket); errors.Is(err, jetstream.ErrBucketNotFound) {
			return nil, errors.New("it is gone, or damaged: restore the store from a backup")
		} else if err != nil {
			return nil, err
		}
	}
	return js.CreateOrUpdateKeyValue(ctx, c)
}

func bucketConfigs() []jetstream.KeyValueConfig {
	var all []jetstream.KeyValueConfig
	for _, name := range []string{sessionsBucket, spentBucket, consentsBucket, revocationsBucket, metaBucket} {
		c := jetstream.KeyValueConfig{Bucket: name, History: 1, Storage: jetstream.FileStorage, LimitMarkerTTL: markerTTL}
		if name == spentBucket {
			c.MaxBytes = maxSpentBytes
		}
		all = append(all, c)
	}
	return all
}

// alive reports whether the server still writes: it turns JetStream off when its disk fails.
func (b *backend) alive() bool { return b.server.Running() && b.server.JetStreamEnabled() }

func (b *backend) close() {
	if b.conn != nil {
		b.conn.Close()
	}
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

// A bucket seals what it keeps.
type bucket struct {
	s    *Store
	name string
}

func (s *Store) bucket(name string) bucket { return bucket{s, name} }

func (b bucket) kv() jetstream.KeyValue { return b.s.backend.Load().buckets[b.name] }

func (b bucket) put(ctx context.Context, key string, value []byte) error {
	if len(value) > maxValue {
		return fmt.Errorf("a value of %d bytes is too large for the store", len(value))
	}
	_, err := b.kv().Put(ctx, key, b.s.seal.close(b.name, key, value))
	return err
}

// create puts a value that must not be there, for as long as ttl; there reports that it is.
func (b bucket) create(ctx context.Context, key string, value []byte, ttl time.Duration) (there bool, err error) {
	_, err = b.kv().Create(ctx, key, b.s.seal.close(b.name, key, value), jetstream.KeyTTL(ttl))
	if errors.Is(err, jetstream.ErrKeyExists) {
		return true, nil
	}
	return false, err
}

// has reports whether there is a value.
func (b bucket) has(ctx context.Context, key string) (bool, error) {
	_, err := b.kv().Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return false, nil
	}
	return err == nil, err
}

// get gives nil for what is not there.
func (b bucket) get(ctx context.Context, key string) ([]byte, error) {
	e, err := b.kv().Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return b.s.seal.open(b.name, key, e.Value())
}

// remove forgets a value and its history; its mark goes too, later.
func (b bucket) remove(ctx context.Context, key string) error {
	return b.kv().Purge(ctx, key, jetstream.PurgeTTL(markerTTL))
}

// all calls use for every value whose key fits, in the order they were put.
func (b bucket) all(ctx context.Context, keys string, use func(key string, value []byte) error) error {
	w, err := b.kv().Watch(ctx, keys, jetstream.IgnoreDeletes())
	if err != nil {
		return err
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, ok := <-w.Updates():
			if !ok {
				return errors.New("the store stopped answering")
			}
			if e == nil { // all that was there has come
				return nil
			}
			value, err := b.s.seal.open(b.name, e.Key(), e.Value())
			if err != nil {
				return err
			}
			if err := use(e.Key(), value); err != nil {
				return err
			}
		}
	}
}
