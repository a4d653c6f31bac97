#!/bin/sh
# Writes ca.crt into caBundle of Countersign's webhooks:  sh register.sh [CA-FILE]
# For a change of authority give a file with the old and the new one first, then change the serving certificate, then the new one alone.
set -eu
bundle=$(base64 <"${1:-ca.crt}" | tr -d '\n')
for configuration in validatingwebhookconfiguration/countersign mutatingwebhookconfiguration/countersign \
  validatingwebhookconfiguration/countersign-policies; do
  kubectl patch "$configuration" --type=json \
    -p "[{\"op\": \"add\", \"path\": \"/webhooks/0/clientConfig/caBundle\", \"value\": \"$bundle\"}]"
done
