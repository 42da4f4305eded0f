"""ops/kubernetes/: rendered by kustomize, and compared with schemas, definitions and docs."""
