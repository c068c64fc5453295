{{- define "alcove.labels" -}}
app.kubernetes.io/name: alcove
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "alcove.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ required "image.tag or image.digest: name the version to run" .Values.image.tag }}
{{- end -}}
{{- end }}

{{/* The configuration: what the operator wrote, and the paths of the pod, which are not his to set. */}}
{{- define "alcove.config" -}}
{{- $paths := dict
  "admin" (printf ":%d" (int .Values.admin.port))
  "admin_without_tls" true
  "control" "/var/lib/alcove/alcove.sock"
  "tls" (dict "cert_file" "/run/alcove/tls/tls.crt" "key_file" "/run/alcove/tls/tls.key")
  "auth" (dict "jwks_file" "/run/alcove/jwks/jwks.json" "person_key_file" "/run/alcove/keys/person.key")
  "store" (dict "dir" "/var/lib/alcove/store" "key_file" "/run/alcove/keys/store.key")
  "audit" (dict "dir" "/var/lib/alcove/audit" "key_file" "/run/alcove/keys/audit.key") -}}
{{- mergeOverwrite (deepCopy .Values.config) $paths | toYaml -}}
{{- end }}
