package transfer

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"
)

// saveEvery is how much work is repeated, at most, after a kill.
const saveEvery = time.Second

// Job is the import of one file, which goes on where it was interrupted.
type Job struct {
	// Path is the file; "-" is Stdin, whose import can't go on after an interruption.
	Path  string
	Stdin io.Reader
	// Options say how to read it. Setting names them, and where to the rows go: an
	// interrupted import goes on with the same alone.
	Options Options
	Setting string
	// Importer takes the rows; its Settled is set here.
	Importer *Importer
	// Conflicts is the file for rows that were not imported, as JSON Lines. It is made
	// when there is one.
	Conflicts string
	// Restart forgets an interrupted import.
	Restart bool
	// DryRun keeps no checkpoint.
	DryRun bool
	// Progress hears of every settled row; nil is nobody.
	Progress func(Progress)
	Now      func() time.Time

	every     time.Duration // shorter than saveEvery, in tests
	state     checkpoint
	saved     time.Time
	conflicts *os.File
	out       *bufio.Writer
}

// Progress is how far an import is.
type Progress struct {
	Summary
	Read, Size int64 // bytes of the file; Size is 0 if nobody knows
	Resumed    int64 // rows that an earlier run has settled
}

// Run imports the file. The error is that of ctx if that ended; then, and after every
// other interruption, the same Job goes on where this one was.
func (j *Job) Run(ctx context.Context) (sum Summary, err error) {
	input, counted := io.Reader(j.Stdin), &counter{}
	if j.Path != "-" {
		file, err := os.Open(j.Path)
		if err != nil {
			return sum, err
		}
		defer file.Close()
		if err := j.resume(file); err != nil {
			return sum, fmt.Errorf("%s: %w", j.Path, err)
		}
		input = file
	}
	if err := j.spare(input); err != nil {
		return j.state.Summary, err
	}
	counted.Reader = input
	rows, err := Open(counted, j.Options)
	if err != nil {
		return j.state.Summary, fmt.Errorf("%s: %w", j.Path, err)
	}
	if err := j.openConflicts(); err != nil {
		return j.state.Summary, err
	}
	j.saved = j.Now()
	resumed := j.state.Summary.Rows
	j.Importer.Settled = func(sum Summary, p *Problem) error {
		j.state.Summary = sum
		if j.Progress != nil {
			j.Progress(Progress{sum, counted.n.Load(), j.state.Size, resumed})
		}
		return j.settled(p)
	}
	sum, err = j.Importer.Run(ctx, rows, j.state.Summary)
	return sum, errors.Join(err, j.finish(err == nil))
}

// spare refuses conflicts that would take the place of the file itself.
func (j *Job) spare(input io.Reader) error {
	file, ok := input.(*os.File)
	if !ok {
		return nil
	}
	there, err := os.Stat(j.Conflicts)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for the conflicts: %w", err)
	}
	read, err := file.Stat()
	if err == nil && os.SameFile(read, there) {
		return fmt.Errorf("%s is the file to import: name another with --conflicts", j.Conflicts)
	}
	return err
}

// resume reads how far an earlier run came.
func (j *Job) resume(file *os.File) error {
	j.state = checkpoint{Setting: j.Setting}
	if err := j.state.fingerprint(file); err != nil {
		return err
	}
	if j.DryRun || j.Restart {
		return nil
	}
	earlier, err := readCheckpoint(j.Path)
	if err != nil || earlier == nil {
		return err
	}
	if err := earlier.fits(j.state); err != nil {
		return err
	}
	j.state = *earlier
	return nil
}

// openConflicts takes from the file of conflicts what this run doesn't go on from.
func (j *Job) openConflicts() error {
	if j.state.Conflicts == 0 {
		if err := os.Remove(j.Conflicts); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clearing the conflicts: %w", err)
		}
		return nil
	}
	if err := os.Truncate(j.Conflicts, j.state.Conflicts); err != nil {
		return fmt.Errorf("going on with the conflicts: %w; --restart begins anew", err)
	}
	return nil
}

// settled writes down a problem, and now and then how far the import is.
func (j *Job) settled(p *Problem) error {
	if p != nil {
		if err := j.list(p); err != nil {
			return fmt.Errorf("writing the conflicts: %w", err)
		}
	}
	if now := j.Now(); now.Sub(j.saved) >= cmp.Or(j.every, saveEvery) {
		j.saved = now
		return j.save()
	}
	return nil
}

func (j *Job) list(p *Problem) (err error) {
	if j.conflicts == nil {
		if j.conflicts, err = os.OpenFile(j.Conflicts, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return err
		}
		j.out = bufio.NewWriter(j.conflicts)
	}
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	j.state.Conflicts += int64(len(text)) + 1
	_, err = j.out.Write(append(text, '\n'))
	return err
}

// save writes the conflicts before the checkpoint that counts on them.
func (j *Job) save() error {
	if j.conflicts != nil {
		if err := errors.Join(j.out.Flush(), j.conflicts.Sync()); err != nil {
			return fmt.Errorf("writing the conflicts: %w", err)
		}
	}
	if j.DryRun || j.Path == "-" {
		return nil
	}
	if err := j.state.save(j.Path); err != nil {
		return fmt.Errorf("saving how far the import is: %w", err)
	}
	return nil
}

// finish saves for the next run, or clears up if none is needed.
func (j *Job) finish(done bool) error {
	err := j.save()
	if j.conflicts != nil {
		err = errors.Join(err, j.conflicts.Close())
	}
	if done && err == nil && !j.DryRun && j.Path != "-" {
		err = os.Remove(checkpointFile(j.Path))
	}
	return err
}

// counter counts what was read.
type counter struct {
	io.Reader
	n atomic.Int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n.Add(int64(n))
	return n, err
}
