# upper TEXT: in capitals.
upper() { printf '%s\n' "$1" | tr '[:lower:]' '[:upper:]'; }
