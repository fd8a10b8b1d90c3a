package bulk

// ScanKeys is what is found in a line before it is decoded.
func ScanKeys(line []byte) (id, parent, typename string, err error) {
	k, err := scanKeys(line, nil)
	return string(k.id), string(k.parent), string(k.typename), err
}
