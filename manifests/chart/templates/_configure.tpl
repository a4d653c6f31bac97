{{- /* Lays the values over one object, in place. Renders nothing. */}}
{{- define "countersign.configure" }}
{{- $object := .object }}
{{- $root := .root }}
{{- $values := $root.Values }}
{{- $labels := dict "app.kubernetes.io/name" "countersign" "app.kubernetes.io/part-of" "countersign" }}
{{- $_ := set $object.metadata "labels" (merge $labels (default dict $object.metadata.labels)) }}
{{- if eq $object.kind "Deployment" }}
{{- include "countersign.deployment" . }}
{{- else if eq $object.kind "PodDisruptionBudget" }}
{{- $_ := set $object.spec "minAvailable" $values.minAvailable }}
{{- else if and (eq $object.kind "NetworkPolicy") $values.database.secretName }}
{{- $rule := (index (include "countersign.patch" (dict "root" $root "file" "database/network-policy.yaml") | fromYamlArray) 0).value }}
{{- $_ := set $object.spec "egress" (append $object.spec.egress $rule) }}
{{- else if hasSuffix "WebhookConfiguration" $object.kind }}
{{- include "countersign.webhooks" . }}
{{- else if and (eq $object.kind "ValidatingAdmissionPolicy") (eq $object.metadata.name "countersign-protect") }}
{{- include "countersign.protection" . }}
{{- end }}
{{- end }}

{{- define "countersign.patch" }}
{{- .root.Files.Get (printf "shared/components/%s" .file) | replace "countersign-system" .root.Release.Namespace }}
{{- end }}

{{- define "countersign.deployment" }}
{{- $values := .root.Values }}
{{- $pod := .object.spec.template.spec }}
{{- $container := index $pod.containers 0 }}
{{- $_ := set .object.spec "replicas" $values.replicas }}
{{- $version := printf ":%s" (default .root.Chart.AppVersion $values.image.tag) }}
{{- if $values.image.digest }}
{{- $version = printf "@%s" $values.image.digest }}
{{- end }}
{{- $_ := set $container "image" (printf "%s%s" $values.image.repository $version) }}
{{- $_ := set $container "resources" $values.resources }}
{{- $_ := set $container "args" (concat $container.args $values.extraArgs) }}
{{- with $values.imagePullSecrets }}
{{- $secrets := list }}
{{- range . }}
{{- $secrets = append $secrets (dict "name" .) }}
{{- end }}
{{- $_ := set $pod "imagePullSecrets" $secrets }}
{{- end }}
{{- range $field := list "nodeSelector" "tolerations" "affinity" }}
{{- with get $values $field }}
{{- $_ := set $pod $field . }}
{{- end }}
{{- end }}
{{- if $values.certManager.enabled }}
{{- $patch := (include "countersign.patch" (dict "root" .root "file" "cert-manager/deployment.yaml") | fromYaml).spec.template.spec }}
{{- $patched := index $patch.containers 0 }}
{{- $_ := set $container "env" (concat $patched.env $container.env) }}
{{- $_ := set $container "volumeMounts" (concat $patched.volumeMounts $container.volumeMounts) }}
{{- $_ := set $pod "volumes" (concat $patch.volumes $pod.volumes) }}
{{- end }}
{{- with $values.database.secretName }}
{{- $url := dict "name" "COUNTERSIGN_DATABASE" "valueFrom" (dict "secretKeyRef" (dict "name" . "key" "url")) }}
{{- $_ := set $container "env" (prepend $container.env $url) }}
{{- end }}
{{- if $values.enforceEverything }}
{{- $_ := set $container "env" (prepend $container.env (dict "name" "COUNTERSIGN_SCAN_NAMESPACES" "value" "all")) }}
{{- end }}
{{- with $values.noMatchPolicy }}
{{- $_ := set $container "env" (append $container.env (dict "name" "COUNTERSIGN_ON_NO_MATCH" "value" .)) }}
{{- end }}
{{- $_ := set $container "env" (concat $container.env $values.extraEnv) }}
{{- end }}

{{- define "countersign.webhooks" }}
{{- $values := .root.Values }}
{{- if and $values.enforceEverything (eq .object.metadata.name "countersign") }}
{{- $patch := include "countersign.patch" (dict "root" .root "file" "enforce-everything/namespaces.yaml") | fromYamlArray }}
{{- $_ := set (index .object.webhooks 0).namespaceSelector "matchExpressions" (index $patch 0).value }}
{{- end }}
{{- if $values.certManager.enabled }}
{{- $patch := include "countersign.patch" (dict "root" .root "file" "cert-manager/webhooks.yaml") | fromYamlArray }}
{{- $_ := set .object.metadata "annotations" (index $patch 0).value }}
{{- end }}
{{- end }}

{{- define "countersign.protection" }}
{{- $values := .root.Values }}
{{- if $values.enforceEverything }}
{{- $patch := include "countersign.patch" (dict "root" .root "file" "enforce-everything/protection.yaml") | fromYamlArray }}
{{- $_ := set (index .object.spec.variables 3) "expression" (index $patch 1).value }}
{{- $_ := set (index .object.spec.variables 4) "expression" (index $patch 3).value }}
{{- end }}
{{- if $values.certManager.enabled }}
{{- $patch := include "countersign.patch" (dict "root" .root "file" "cert-manager/protection.yaml") | fromYamlArray }}
{{- $_ := set (index .object.spec.matchConditions 1) "expression" (index $patch 1).value }}
{{- end }}
{{- end }}
