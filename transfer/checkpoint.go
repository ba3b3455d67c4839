package transfer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// checkpoint is how far an import has come: all rows up to Summary.Rows are settled.
// It lies beside the file until the import is done.
type checkpoint struct {
	// Size and Ends tell whether it is still the same file: its length and the digest
	// of its first and last 64 KiB.
	Size int64  `json:"size"`
	Ends string `json:"ends"`
	// Setting is what else must not change in between: how the file is read, and where
	// to.
	Setting string `json:"setting"`
	// Conflicts is how long the file of conflicts was. What lies behind it was written
	// after this checkpoint, and is written again.
	Conflicts int64   `json:"conflicts"`
	Summary   Summary `json:"summary"`
}

func checkpointFile(path string) string { return path + ".wsite-import.json" }

// fingerprint fills in what identifies a file.
func (c *checkpoint) fingerprint(file *os.File) error {
	const end = 64 << 10
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file: to read from a pipe, give - as its name", file.Name())
	}
	c.Size = info.Size()
	sum := sha256.New()
	for _, part := range []*io.SectionReader{
		io.NewSectionReader(file, 0, end), io.NewSectionReader(file, max(0, c.Size-end), end),
	} {
		if _, err := io.Copy(sum, part); err != nil {
			return err
		}
	}
	c.Ends = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// readCheckpoint returns the checkpoint of an interrupted import, nil if there is none.
func readCheckpoint(path string) (*checkpoint, error) {
	text, err := os.ReadFile(checkpointFile(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	c := &checkpoint{}
	if err == nil {
		err = json.Unmarshal(text, c)
	}
	if err != nil {
		return nil, fmt.Errorf("reading how far the last import came: %w; --restart begins anew", err)
	}
	return c, nil
}

// fits says why an import can't go on from here.
func (c *checkpoint) fits(now checkpoint) error {
	switch {
	case c.Size != now.Size || c.Ends != now.Ends:
		return errors.New("the file has changed since its import was interrupted: --restart begins anew, and does no harm to what was imported")
	case c.Setting != now.Setting:
		return fmt.Errorf("the import that was interrupted had other options (%s): repeat those, or begin anew with --restart", c.Setting)
	}
	return nil
}

// save puts a checkpoint in the place of the last one, whole or not at all.
func (c *checkpoint) save(path string) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return Replace(checkpointFile(path), func(w io.Writer) error { _, err := w.Write(append(text, '\n')); return err })
}

// Replace writes a file (mode 0600) that is there whole or not at all.
func Replace(path string, write func(io.Writer) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".wsite-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	err = write(tmp)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
