package shopifytest

import (
	"strconv"
	"strings"
)

// numeric is the number of n as text.
func numeric(n node) string { return strconv.FormatInt(n.common().id, 10) }

// numericPart is what stands after the last slash of a GID.
func numericPart(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }
