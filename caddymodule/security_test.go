package caddymodule

import "testing"

// TestSecurity is the catalogue of what must never happen, group by group: its
// sub-tests carry the numbers of the threats that they close. A to C run over
// HTTP/1.1, byte by byte, and over HTTP/2.
func TestSecurity(t *testing.T) {
	t.Parallel()
	securityA(t)
	securityB(t)
	securityC(t)
	securityD(t)
	securityBinding(t)
	securityE(t)
	securityDoors(t)
	securityF(t)
	securityG(t)
	securityLife(t)
	securityH(t)
	securityI(t)
	securityJ(t)
	securityK(t)
	securityL(t)
	securityM(t)
	securityAPI(t)
	securityChannels(t)
	securityMerchants(t)
	securityConsole(t)
}
