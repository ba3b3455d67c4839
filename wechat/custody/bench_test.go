package custody_test

import "fmt"

func appIDOf(i int) string { return fmt.Sprintf("wx1%015x", i) }
