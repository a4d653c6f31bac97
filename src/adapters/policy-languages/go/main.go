//go:build wasip1

// The engines of CUE and Rego as sigstore policy-controller uses them, as one WebAssembly reactor: the host writes a
// request into the memory that `alloc` gives, calls `evaluate`, and reads the answer. What the engines are asked, in which
// order, and every word of an answer is that of cosign's pkg/policy and pkg/cosign/rego: test/evaluator compares them.
//
// Two builtins of Rego are missing on purpose, http.send and net.lookup_ip_addr: a policy that needs the network does not
// compile, instead of being undefined (and passing, where it is negated).
package main

import (
	"encoding/json"
	"fmt"
	"unsafe"
)

// The languages by number, as the host names them.
const (
	cue = 0
	opa = 1
)

type answer struct {
	// pass, warn or fail.
	Result  string `json:"result"`
	Message string `json:"message"`
}

// The collector must not free what the host still reads and writes.
var requestBytes, answerBytes []byte

//go:wasmexport alloc
func alloc(length uint32) uint32 {
	requestBytes = make([]byte, length, length+1)
	return address(requestBytes)
}

// Name, policy and input follow one another where alloc said; the answer is the address and the length of JSON text, in the
// upper and the lower half.
//
//go:wasmexport evaluate
func evaluate(language, nameLength, policyLength uint32) uint64 {
	name, rest := string(requestBytes[:nameLength]), requestBytes[nameLength:]
	policy, input := string(rest[:policyLength]), rest[policyLength:]
	var err error
	answerBytes, err = json.Marshal(answerTo(language, name, policy, input))
	if err != nil {
		panic(err)
	}
	requestBytes = nil
	return uint64(address(answerBytes))<<32 | uint64(len(answerBytes))
}

func address(bytes []byte) uint32 {
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(bytes))))
}

// A panic of an engine is a policy that fails, here as there: it ends the request in policy-controller.
func answerTo(language uint32, name, policy string, input []byte) (result answer) {
	defer func() {
		if cause := recover(); cause != nil {
			result = failed(fmt.Errorf("failed evaluating policy for %s: panic: %v", name, cause))
		}
	}()
	switch language {
	case cue:
		if err := evaluateCue(policy, input); err != nil {
			return failed(fmt.Errorf("failed evaluating cue policy for %s: %w", name, err))
		}
		return answer{Result: "pass"}
	case opa:
		warning, err := evaluateRego(policy, input)
		if err != nil {
			return failed(fmt.Errorf("failed evaluating rego policy for type %s: %w", name, err))
		}
		if warning != nil {
			return answer{Result: "warn", Message: warning.Error()}
		}
		return answer{Result: "pass"}
	default:
		return failed(fmt.Errorf("there is no language %d", language))
	}
}

func failed(err error) answer {
	return answer{Result: "fail", Message: err.Error()}
}

func main() {}
