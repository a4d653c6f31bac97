// The reference of the comparison: every line of standard input is a request, and the line that answers it is what
// cosign's own EvaluatePolicyAgainstJSON says, in the module versions of sigstore policy-controller.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/sigstore/cosign/v3/pkg/policy"
)

type request struct {
	Name     string `json:"name"`
	Language string `json:"language"`
	Policy   string `json:"policy"`
	Input    string `json:"input"`
	// How often it is evaluated; the last answer is told, with the time of one.
	Times int `json:"times"`
}

type answer struct {
	Result       string  `json:"result"`
	Message      string  `json:"message"`
	Microseconds float64 `json:"microseconds"`
}

func main() {
	requests := bufio.NewReader(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	for {
		line, err := requests.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		started := time.Now()
		var told answer
		for range max(1, asked.Times) {
			told = evaluate(asked)
		}
		told.Microseconds = float64(time.Since(started).Nanoseconds()) / 1000 / float64(max(1, asked.Times))
		if err := answers.Encode(told); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func evaluate(asked request) (told answer) {
	defer func() {
		if cause := recover(); cause != nil {
			told = answer{Result: "panic", Message: fmt.Sprint(cause)}
		}
	}()
	warning, err := policy.EvaluatePolicyAgainstJSON(
		context.Background(), asked.Name, asked.Language, asked.Policy, []byte(asked.Input))
	if err != nil {
		return answer{Result: "fail", Message: err.Error()}
	}
	if warning != nil {
		return answer{Result: "warn", Message: warning.Error()}
	}
	return answer{Result: "pass"}
}
