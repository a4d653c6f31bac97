#!/bin/sh
# A certificate authority and a serving certificate for Countersign with openssl:  sh make.sh [FOLDER [NAMESPACE]]
# Run again, it keeps the authority and makes a new serving certificate. Keep ca.key where nobody gets at it.
set -eu
umask 077
folder=${1:-.}
namespace=${2:-countersign-system}
mkdir -p "$folder"
cd "$folder"

if [ ! -e ca.key ]; then
  openssl ecparam -name prime256v1 -genkey -noout -out ca.key
  openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj "/CN=Countersign CA of $namespace" \
    -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign,cRLSign' -out ca.crt
fi

# The API server looks for the first name; replicas and kubectl port-forward for the others.
cat >serving.cnf <<END
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:countersign.$namespace.svc,DNS:countersign.$namespace.svc.cluster.local,DNS:countersign-console.$namespace.svc,DNS:countersign-console.$namespace.svc.cluster.local,DNS:localhost,IP:127.0.0.1
END
openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out tls.key
openssl req -new -key tls.key -subj '/CN=countersign' -out serving.csr
openssl x509 -req -in serving.csr -CA ca.crt -CAkey ca.key -CAcreateserial -sha256 -days 90 \
  -extfile serving.cnf -out tls.crt
rm -f serving.cnf serving.csr ca.srl
openssl verify -CAfile ca.crt tls.crt
