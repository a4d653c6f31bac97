//go:build wasip1

package main

import (
	"fmt"

	"cuelang.org/go/cue/cuecontext"
)

// A context for each evaluation: one that is kept would keep every value that was ever made in it.
func evaluateCue(policy string, input []byte) error {
	context := cuecontext.New()
	constraint := context.CompileString(policy)
	if err := constraint.Err(); err != nil {
		return fmt.Errorf("failed to compile the cue policy with error: %w", err)
	}
	data := context.CompileBytes(input)
	if err := data.Err(); err != nil {
		return fmt.Errorf("failed to compile the attestation data with error: %w", err)
	}
	// No cue.Concrete: a value that is left open passes, as in cosign.
	if err := constraint.Unify(data).Validate(); err != nil {
		return fmt.Errorf("failed to evaluate the policy with error: %w", err)
	}
	return nil
}
