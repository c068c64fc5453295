package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"alcove/room/audit"
)

// A File is Values in one bbolt file. Its folder holds nothing else.
//
// Every Commit is two writes that are synced: the pages that changed, beside those they replace, then one of two pages that name the
// root. So the file is whole at every instant, and a copy of it that was taken while nobody wrote is a backup. Deleted values are not
// overwritten at once; they are sealed.
//
// The file grows by truncation, without blocks: a full disk makes a write fail, not a read, since nothing is read that was not written.
type File struct {
	dir string
	now func() time.Time

	readers chan struct{} // bounds the goroutines that a disk that hangs can hold

	maxExpiring int                       // maxExpiring, but in tests
	confirm     func(*os.File, int) error // confirmRoot, but in tests
	opened      func(*bbolt.DB)           // nil, but in tests

	writing sync.Mutex // held by Commit and Close
	suspect bool       // Guarded by writing. The last Commit failed: the file is opened anew before the next.
	expires int        // Guarded by writing. How many values have an Expires.

	mu      sync.RWMutex // held for reading while db is used
	db      *bbolt.DB    // Guarded by mu. nil: it could not be opened again.
	file    *os.File     // Guarded by mu. The one that db has open.
	closed  bool         // Guarded by mu.
	damaged error        // Guarded by mu. What bbolt panicked with. It may hold its locks: nothing is asked of it any more.
}

// expiryBucket orders the values that expire: its keys are the time, in seconds and eight bytes, the bucket, a slash and the key.
const expiryBucket = "expiry"

// OpenFile opens the file in a folder, and makes both if they are not there. It waits a moment for another process that has it open,
// and then fails with audit.ErrLocked.
func OpenFile(dir string, now func() time.Time) (*File, error) {
	if dir == "" || now == nil {
		return nil, errors.New("a store needs a folder and a clock")
	}
	if err := os.MkdirAll(dir, modeFolder); err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, modeFolder); err != nil {
		return nil, err
	}
	f := &File{dir: filepath.Clean(dir), now: now, readers: make(chan struct{}, maxReaders), maxExpiring: maxExpiring, confirm: confirmRoot}
	if _, err := os.Stat(f.path()); errors.Is(err, fs.ErrNotExist) {
		if err := f.create(); err != nil {
			return nil, fmt.Errorf("cannot make %s: %w", f.path(), err)
		}
	} else if err != nil {
		return nil, err
	}
	if err := f.open(); err != nil {
		return nil, fmt.Errorf("%s: %w", f.path(), err)
	}
	return f, nil
}

func (f *File) path() string { return filepath.Join(f.dir, fileName) }

// create makes the file with its buckets under another name first: a file without them is one that was damaged, never a new one.
func (f *File) create() error {
	fresh := f.path() + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, file, err := openDB(fresh, os.O_CREATE)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range append(Buckets(), expiryBucket) {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, file.Sync(), db.Close()); err != nil {
		return err
	}
	if err := os.Rename(fresh, f.path()); err != nil {
		return err
	}
	folder, err := os.Open(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// open opens and checks the file. The caller holds writing and mu, or nobody else has f yet.
func (f *File) open() error {
	db, file, err := openDB(f.path(), 0)
	if err != nil {
		return err
	}
	err = file.Chmod(modeFile)
	if err == nil {
		err = f.confirm(file, db.Info().PageSize)
	}
	if err == nil {
		err = addFiles(db)
	}
	if err == nil {
		f.expires, err = inspect(db, file)
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	f.db, f.file = db, file
	if f.opened != nil {
		f.opened(db)
	}
	return nil
}

func openDB(name string, flag int) (db *bbolt.DB, file *os.File, err error) {
	err = guard(func() (err error) {
		db, err = bbolt.Open(name, modeFile, &bbolt.Options{
			Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType, InitialMmapSize: initialMap, NoStatistics: true,
			OpenFile: func(name string, _ int, mode os.FileMode) (_ *os.File, err error) {
				file, err = os.OpenFile(name, os.O_RDWR|flag, mode)
				return file, err
			},
		})
		return err
	})
	switch {
	case err == nil:
		db.AllocSize = growBy
	case errors.Is(err, bbolt.ErrTimeout):
		return nil, nil, audit.ErrLocked
	case errors.Is(err, bbolt.ErrInvalid), errors.Is(err, bbolt.ErrChecksum), errors.Is(err, bbolt.ErrVersionMismatch):
		return nil, nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
	case errors.Is(err, ErrDamaged):
		return nil, nil, errors.Join(err, file.Close())
	}
	return db, file, err
}

// confirmRoot writes the two pages that name the root once more. After a sync that failed the kernel shows what was written and may
// never write it (Rebello and others, "Can Applications Recover from fsync Failures?", 2020); the next Commit would put its pages in
// the place of those that the disk's own root names, and a crash would find neither.
func confirmRoot(file *os.File, pageSize int) error {
	pages := make([]byte, 2*pageSize)
	if _, err := file.ReadAt(pages, 0); err != nil {
		return err
	}
	if _, err := file.WriteAt(pages, 0); err != nil {
		return err
	}
	return file.Sync()
}

// addFiles makes the bucket Files in a file that was made before there was one. What else is missing is damage.
func addFiles(db *bbolt.DB) error {
	missing := false
	err := guard(func() error {
		return db.View(func(tx *bbolt.Tx) error {
			missing = tx.Bucket([]byte(Meta)) != nil && tx.Bucket([]byte(Files)) == nil
			return nil
		})
	})
	if err != nil || !missing {
		return err
	}
	return guard(func() error {
		return db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte(Files)); return err })
	})
}

// inspect reads every page that is in use, so that damage is found when the file is opened. It counts the values that expire.
func inspect(db *bbolt.DB, file *os.File) (expires int, err error) {
	err = guard(func() error {
		return db.View(func(tx *bbolt.Tx) error {
			info, err := file.Stat()
			if err != nil {
				return err
			}
			if info.Size() < tx.Size() {
				return fmt.Errorf("%w (it has %d bytes of %d)", ErrDamaged, info.Size(), tx.Size())
			}
			for _, name := range append(Buckets(), expiryBucket) {
				b := tx.Bucket([]byte(name))
				if b == nil {
					return fmt.Errorf("%w (it lacks the bucket %q)", ErrDamaged, name)
				}
				n, err := walk(b)
				if err != nil {
					return err
				}
				if name == expiryBucket {
					expires = n
				}
			}
			return nil
		})
	})
	return expires, err
}

// walk counts the keys of a bucket, which must be in order and found by look-up. bbolt has a check of its own, but on a goroutine: a fault
// there would end the process.
func walk(b *bbolt.Bucket) (n int, err error) {
	var last []byte
	err = b.ForEach(func(key, value []byte) error {
		if n > 0 && bytes.Compare(last, key) >= 0 || len(value) > 2*MaxValue {
			return fmt.Errorf("%w (its keys are out of order, or a value has no end)", ErrDamaged)
		}
		if b.Get(key) == nil { // the pages above do not lead to it
			return fmt.Errorf("%w (a key is not found)", ErrDamaged)
		}
		last = key
		n++
		return nil
	})
	return n, err
}

// guard turns a panic of bbolt, and a page of the file that cannot be read, into ErrDamaged.
func guard(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w (%v)", ErrDamaged, p)
		}
	}()
	return do()
}

// Commit implements Values. A few values that expired go with every transaction.
func (f *File) Commit(changes []Change) ([]Outcome, error) {
	f.writing.Lock()
	defer f.writing.Unlock()
	if f.suspect {
		if err := f.reopen(); err != nil {
			return nil, err
		}
		f.suspect = false
	}
	t := transaction{outcomes: make([]Outcome, len(changes)), expires: f.expires, limit: f.maxExpiring}
	err := f.use(func(db *bbolt.DB) error {
		return db.Update(func(tx *bbolt.Tx) error {
			t.Tx = tx
			if err := t.deleteExpired(f.now()); err != nil {
				return err
			}
			for i, c := range changes {
				if err := t.apply(c, &t.outcomes[i]); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		f.suspect = true
		return nil, err
	}
	f.expires = t.expires
	return t.outcomes, nil
}

// use calls do with db, unless the file is closed or damaged.
func (f *File) use(do func(*bbolt.DB) error) error {
	f.mu.RLock()
	db, err := f.db, f.damaged
	switch {
	case err != nil:
	case f.closed:
		err = ErrClosed
	case db == nil:
		err = errors.New("the store is not open")
	}
	if err == nil {
		err = guard(func() error { return do(db) })
	}
	f.mu.RUnlock()
	if errors.Is(err, ErrDamaged) {
		f.mu.Lock()
		f.damaged = err
		f.mu.Unlock()
	}
	return err
}

// reopen opens the file again once the disk accepts writes: after a transaction that failed, what bbolt has in memory is not what the
// disk has.
func (f *File) reopen() error {
	if err := tryDisk(f.dir); err != nil { // before the lock: if it hangs, reads go on
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.damaged != nil:
		return f.damaged
	case f.closed:
		return ErrClosed
	}
	if f.db != nil {
		err := f.db.Close() // also gives back the lock
		f.db, f.file = nil, nil
		if err != nil {
			return err
		}
	}
	err := f.open()
	if errors.Is(err, ErrDamaged) {
		f.damaged = err
	}
	return err
}

// tryDisk writes as much as the largest value needs, and removes it. Its error names what is in the way.
func tryDisk(dir string) error {
	name := filepath.Join(dir, tryFile)
	defer os.Remove(name)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, modeFile)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, trySize))
	return errors.Join(err, f.Sync(), f.Close())
}

// A transaction applies changes.
type transaction struct {
	*bbolt.Tx
	outcomes []Outcome
	expires  int // how many values have an Expires
	limit    int // of them
}

func (t *transaction) apply(c Change, outcome *Outcome) error {
	b, key := t.Bucket([]byte(c.Bucket)), []byte(c.Key)
	if b == nil {
		return fmt.Errorf("the store has no bucket %q", c.Bucket)
	}
	switch {
	case c.Value == nil:
		return b.Delete(key)
	case c.Create && b.Get(key) != nil:
		*outcome = Exists
		return nil
	case c.Expires.IsZero():
		return b.Put(key, c.Value)
	case !c.Create:
		return errors.New("only a value that is created can expire")
	case t.expires >= t.limit:
		*outcome = Full
		return nil
	}
	t.expires++
	if err := b.Put(key, c.Value); err != nil {
		return err
	}
	return t.Bucket([]byte(expiryBucket)).Put(expiryKey(c), []byte{})
}

// expiryKey rounds up: nothing is forgotten too soon.
func expiryKey(c Change) []byte {
	key := binary.BigEndian.AppendUint64(nil, uint64(max(c.Expires.Unix()+1, 0)))
	return append(key, string(c.Bucket)+"/"+c.Key...)
}

// deleteExpired deletes a bounded number of values that expired: more than a Commit creates, so that none stay.
func (t *transaction) deleteExpired(now time.Time) error {
	index := t.Bucket([]byte(expiryBucket))
	var expired [][]byte
	cursor := index.Cursor()
	for key, _ := cursor.First(); key != nil && len(expired) < maxExpired; key, _ = cursor.Next() {
		if len(key) < 8 || int64(binary.BigEndian.Uint64(key)) >= now.Unix() {
			break
		}
		expired = append(expired, bytes.Clone(key))
	}
	for _, key := range expired {
		bucket, name, _ := bytes.Cut(key[8:], []byte("/"))
		if b := t.Bucket(bucket); b != nil {
			if err := b.Delete(name); err != nil {
				return err
			}
		}
		if err := index.Delete(key); err != nil {
			return err
		}
		t.expires--
	}
	return nil
}

// Get implements Values.
func (f *File) Get(ctx context.Context, bucket Bucket, key string) (value []byte, err error) {
	all, err := f.read(ctx, bucket, func(b *bbolt.Bucket) []pair {
		if v := b.Get([]byte(key)); v != nil {
			return []pair{{key, append([]byte{}, v...)}}
		}
		return nil
	})
	if len(all) > 0 {
		value = all[0].value
	}
	return value, err
}

// Each implements Values.
func (f *File) Each(ctx context.Context, bucket Bucket, prefix string, use func(key string, value []byte) error) error {
	all, err := f.read(ctx, bucket, func(b *bbolt.Bucket) (all []pair) {
		cursor := b.Cursor()
		for k, v := cursor.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, v = cursor.Next() {
			all = append(all, pair{string(k), append([]byte{}, v...)})
		}
		return all
	})
	for _, p := range all {
		if err := use(p.key, p.value); err != nil {
			return err
		}
	}
	return err
}

// A pair is a copy: bbolt's own memory goes with its transaction.
type pair struct {
	key   string
	value []byte
}

// read collects values on a goroutine of its own, since nothing ends a read of a disk that hangs.
func (f *File) read(ctx context.Context, bucket Bucket, collect func(*bbolt.Bucket) []pair) ([]pair, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrStalled, err)
	}
	select {
	case f.readers <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w (%w)", ErrStalled, ctx.Err())
	}
	type result struct {
		all []pair
		err error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-f.readers }()
		var r result
		r.err = f.use(func(db *bbolt.DB) error {
			return db.View(func(tx *bbolt.Tx) error {
				b := tx.Bucket([]byte(bucket))
				if b == nil {
					return fmt.Errorf("the store has no bucket %q", bucket)
				}
				r.all = collect(b)
				return nil
			})
		})
		done <- r
	}()
	select {
	case r := <-done:
		return r.all, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w (%w)", ErrStalled, ctx.Err())
	}
}

// Close implements Values.
func (f *File) Close() error {
	f.writing.Lock()
	defer f.writing.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	switch {
	case f.db == nil:
		return nil
	case f.damaged != nil: // bbolt's own Close could wait for a lock that a panic left behind
		return f.file.Close()
	}
	return f.db.Close()
}
