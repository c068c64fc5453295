package record

import "errors"

// OpenFolder gives a folder as a Layer, made if it is not there. Every name goes through os.Root.
func OpenFolder(dir string) (Layer, error) { return nil, errors.ErrUnsupported }
