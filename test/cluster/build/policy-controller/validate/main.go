// Validate answers, line by line, what sigstore policy-controller's own code says of a document, a glob or a regular
// expression: the record that test/policy/policy-controller-rows.test.ts compares with.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"

	"github.com/sigstore/policy-controller/pkg/apis/glob"
	"github.com/sigstore/policy-controller/pkg/apis/policy/common"
	"github.com/sigstore/policy-controller/pkg/apis/policy/v1alpha1"
	"github.com/sigstore/policy-controller/pkg/apis/policy/v1beta1"
	"k8s.io/apimachinery/pkg/util/sets"
	"knative.dev/pkg/apis"
)

type ask struct {
	Kind     string          `json:"kind"`
	Version  string          `json:"version"`
	Document json.RawMessage `json:"document"`
	Glob     string          `json:"glob"`
	Image    string          `json:"image"`
	Regex    string          `json:"regex"`
}
type answer struct {
	Decode   string      `json:"decode,omitempty"`
	Error    string      `json:"error"`
	Warning  string      `json:"warning,omitempty"`
	Match    *bool       `json:"match,omitempty"`
	Defaults interface{} `json:"defaults,omitempty"`
}
type object interface {
	apis.Defaultable
	apis.Validatable
}

func main() {
	common.ValidResourceNames = sets.NewString("replicasets", "deployments", "pods", "cronjobs", "jobs", "statefulsets", "daemonsets")
	in := bufio.NewReaderSize(os.Stdin, 1<<24)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var a ask
			if e := json.Unmarshal(line, &a); e != nil {
				panic(e)
			}
			out.Encode(run(a))
		}
		if err != nil {
			return
		}
	}
}

func run(a ask) (r answer) {
	switch a.Kind {
	case "glob":
		m, err := glob.Match(a.Glob, a.Image)
		if err != nil {
			r.Error = err.Error()
		} else {
			r.Match = &m
		}
		return
	case "regex":
		if _, err := regexp.Compile(a.Regex); err != nil {
			r.Error = err.Error()
		}
		return
	}
	var o object = &v1alpha1.ClusterImagePolicy{}
	if a.Version == "v1beta1" {
		o = &v1beta1.ClusterImagePolicy{}
	}
	if a.Kind == "trustroot" {
		o = &v1alpha1.TrustRoot{}
	}
	d := json.NewDecoder(bytes.NewReader(a.Document))
	d.DisallowUnknownFields()
	if err := d.Decode(o); err != nil {
		r.Decode = err.Error()
		return
	}
	ctx := apis.WithinCreate(context.Background())
	o.SetDefaults(ctx)
	fe := o.Validate(ctx)
	if e := fe.Filter(apis.ErrorLevel); e != nil {
		r.Error = e.Error()
	}
	if w := fe.Filter(apis.WarningLevel); w != nil {
		r.Warning = w.Error()
	}
	r.Defaults = o
	return
}
