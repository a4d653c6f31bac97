//go:build wasip1

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
)

const (
	rule       = "isCompliant"
	query      = "isCompliant = data.sigstore.isCompliant"
	moduleName = "sigstore.rego"
	// Compiled policies that are kept; compiling costs ten times an evaluation.
	keptPolicies = 64
)

var compiled = map[string]rego.PreparedEvalQuery{}

var network = []string{"http.send", "net.lookup_ip_addr"}

var capabilities = func() *ast.Capabilities {
	all := ast.CapabilitiesForThisVersion(ast.CapabilitiesRegoVersion(ast.RegoV0))
	all.Builtins = slices.DeleteFunc(all.Builtins, func(builtin *ast.Builtin) bool {
		return slices.Contains(network, builtin.Name)
	})
	all.AllowNet = []string{}
	return all
}()

func evaluateRego(policy string, text []byte) (warning error, refusal error) {
	prepared, err := prepare(policy)
	if err != nil {
		return nil, err
	}
	var input any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&input); err != nil {
		return nil, err
	}
	results, err := prepared.Eval(context.Background(), rego.EvalInput(input))
	if err != nil {
		return nil, err
	}
	for _, result := range results {
		switch value := result.Bindings[rule].(type) {
		case []any:
			return judge(value)
		case bool:
			if value {
				return nil, nil
			}
		}
	}
	return nil, fmt.Errorf("policy is not compliant for query '%s'", query)
}

func prepare(policy string) (rego.PreparedEvalQuery, error) {
	if kept, found := compiled[policy]; found {
		return kept, nil
	}
	prepared, err := rego.New(
		rego.Query(query),
		rego.Module(moduleName, policy),
		rego.SetRegoVersion(ast.RegoV0),
		rego.Capabilities(capabilities),
	).PrepareForEval(context.Background())
	if err != nil {
		return prepared, err
	}
	if len(compiled) >= keptPolicies {
		clear(compiled)
	}
	compiled[policy] = prepared
	return prepared, nil
}

// Its name is part of the sentences that encoding/json makes.
type CosignRuleResult struct {
	Warning string `json:"warning,omitempty"`
	Error   string `json:"error,omitempty"`
	Result  bool   `json:"result,omitempty"`
}

// The first member that complies decides; if none does, the last one's error is told.
func judge(members []any) (warning error, refusal error) {
	refusal = fmt.Errorf("policy is not compliant for query %q", query)
	for _, member := range members {
		outcome, err := outcomeOf(member)
		if err != nil {
			return nil, fmt.Errorf("policy is not compliant for query '%s' due to parsing errors: %w", query, err)
		}
		if outcome.Result && outcome.Warning == "" {
			return nil, nil
		}
		if outcome.Result {
			return fmt.Errorf("warning: %s", outcome.Warning), nil
		}
		refusal = fmt.Errorf("policy is not compliant for query '%s' with errors: %s", query, outcome.Error)
	}
	return nil, refusal
}

// cosign ends with a panic when a member is no object; here the policy does not comply.
func outcomeOf(member any) (CosignRuleResult, error) {
	var outcome CosignRuleResult
	object, isObject := member.(map[string]any)
	if !isObject {
		return outcome, fmt.Errorf("a member of %s is no object", rule)
	}
	text, err := json.Marshal(object)
	if err != nil {
		return outcome, err
	}
	return outcome, json.Unmarshal(text, &outcome)
}
