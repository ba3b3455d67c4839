package caddymodule

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// TestRotation_severalGateways takes two gateways through the steps of operations.md, one
// after the other: before, between and after each they understand each other.
func TestRotation_severalGateways(t *testing.T) {
	t.Parallel()
	older, newer := strings.Repeat("0f1e2d3c", 8), strings.Repeat("1a2b3c4d", 8)
	sim, data := simulated(t), t.TempDir()
	start := func(keys string) *gateway {
		return startGatewayOn(t, sim, standard, data, "facts sqlite", "master_key "+keys+"\nfacts sqlite")
	}
	steps := []string{older, older + " " + newer, newer + " " + older, newer}
	ahead, behind := start(steps[0]), start(steps[0])
	ming := ahead.phone("ming")
	user := ahead.who(ming.open(ahead.at(appA, "shop", "/"))).Subject
	for i, keys := range steps[1:] {
		ahead.close()
		ahead = start(keys) // now they differ by one step
		for _, pair := range [][2]*gateway{{ahead, behind}, {behind, ahead}} {
			p := pair[0].phone("ming")
			if got := pair[0].who(p.open(pair[0].at(appA, "shop", "/"))).Subject; got != user {
				t.Errorf("in step %d he is %s, not %s", i+1, got, user)
			}
			if got := pair[1].who(p.fetch("GET", pair[1].at(appA, "shop", "/"))).Subject; got != user {
				t.Errorf("in step %d his session is that of %s at the other", i+1, got)
			}
			if err := pair[1].app.facts().keys.Load(t.Context()); err != nil {
				t.Errorf("in step %d one can't open what the other has sealed: %v", i+1, err)
			}
		}
		behind.close()
		behind = start(keys)
	}
}

// Without the first of the steps one gateway seals what the others can't open.
func TestRotation_withoutItsFirstStep(t *testing.T) {
	t.Parallel()
	older, newer := strings.Repeat("0f1e2d3c", 8), strings.Repeat("1a2b3c4d", 8)
	sim, data := simulated(t), t.TempDir()
	behind := startGatewayOn(t, sim, standard, data, "facts sqlite", "master_key "+older+"\nfacts sqlite")
	startGatewayOn(t, sim, standard, data, "facts sqlite", "master_key "+newer+" "+older+"\nfacts sqlite")
	if err := behind.app.facts().keys.Load(t.Context()); !errors.Is(err, identity.ErrSealed) {
		t.Errorf("it says %v", err)
	}
}
