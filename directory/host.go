package directory

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// hostForm is a host as browsers send it: lower-case, without a dot at the end.
var hostForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(:[1-9][0-9]{0,4})?$`)

// ValidHost takes what a Host header can be compared with byte for byte.
func ValidHost(host string) bool {
	_, port, _ := strings.Cut(host, ":")
	n, err := strconv.Atoi(port)
	return hostForm.MatchString(host) && len(host) <= 200 && (port == "" || err == nil && n <= 65535) && port != "443" && port != "80"
}

func hostFault(host string) string {
	return fmt.Sprintf("%q is no host such as shop.example.com: lower-case, without scheme, path and wildcard, the port only if it isn't the usual one, and other scripts as xn--…", host)
}
