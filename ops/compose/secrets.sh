#!/bin/sh
# Make the secrets of docker-compose.yml, each a file in secrets/:   sh ops/compose/secrets.sh
#
# What is there stays as it is, so this may run again at any time. Secrets that an older .env holds are moved here:
# containers read them from files, which no `docker inspect` shows.
set -eu
umask 077
cd "$(dirname "$0")/../.."

MADE="POSTGRES_PASSWORD HOLDFAST_DATABASE_PASSWORD VALKEY_PASSWORD HOLDFAST_SECRET_KEY HOLDFAST_FLOWER_PASSWORD
HOLDFAST_GRAFANA_PASSWORD"
GIVEN="HOLDFAST_SECRET_KEY_PREVIOUS HOLDFAST_AGENT_INITIAL_PASSWORD HOLDFAST_SMTP_URL HOLDFAST_GOOGLE_CLIENT_SECRET
HOLDFAST_GITHUB_CLIENT_SECRET STRIPE_SECRET_KEY STRIPE_WEBHOOK_SECRET OTEL_EXPORTER_OTLP_HEADERS"

say() { printf 'holdfast: %s\n' "$1" >&2; }
small() { printf '%s' "$1" | tr 'A-Z' 'a-z'; }
random() { LC_ALL=C tr -dc 'A-Za-z0-9' < /dev/urandom | head -c 43; }

# The value of a setting in .env, without its quotes; nothing if there is none.
in_env() {
    [ -f .env ] || return 0
    value=$(sed -n "s/^$1=//p" .env | tail -n 1 | sed 's/[[:space:]]*$//')
    case $value in
        \"*\" | \'*\') value=${value#?} && value=${value%?} ;;
    esac
    case $value in
        *change-me*) ;;
        *\$* | *\\* | *\"* | *\'* | *' #'*)
            say "$1 in .env holds \$, \\, a quote or a comment. Write its value into secrets/$(small "$1") yourself, and take it out of .env."
            exit 1 ;;
        *) printf '%s' "$value" ;;
    esac
}

# A file with this line. Everybody may read the file, nobody but its owner reaches it: each container runs as another user.
keep() {
    printf '%s\n' "$2" > "secrets/$1.new"
    chmod 444 "secrets/$1.new"
    mv "secrets/$1.new" "secrets/$1"
    say "secrets/$1 is made."
}

# A password that becomes part of an address.
word() {
    case $2 in
        *[!A-Za-z0-9_-]*)
            say "$1 in .env has other characters than letters, digits, - and _, which an address cannot have. Write the addresses into secrets/ yourself (docs/operations.md)."
            exit 1 ;;
    esac
    printf '%s' "$2"
}

mkdir -p secrets
chmod 700 secrets

# Looked at before anything is written.
for name in $MADE $GIVEN; do in_env "$name" > /dev/null; done
for name in POSTGRES_PASSWORD HOLDFAST_DATABASE_PASSWORD VALKEY_PASSWORD; do
    found=$(in_env "$name")
    word "$name" "$found" > /dev/null
done
for name in $GIVEN; do
    if [ -n "$(in_env "$name")" ] && [ -s "secrets/$(small "$name")" ]; then
        say "$name stands in .env, and secrets/$(small "$name") exists. Keep one of them and start again."
        exit 1
    fi
done

for name in POSTGRES_PASSWORD VALKEY_PASSWORD HOLDFAST_SECRET_KEY HOLDFAST_FLOWER_PASSWORD HOLDFAST_GRAFANA_PASSWORD; do
    [ -s "secrets/$(small "$name")" ] && continue
    found=$(in_env "$name")
    keep "$(small "$name")" "${found:-$(random)}"
done
if [ ! -s secrets/database_url ]; then
    found=$(in_env HOLDFAST_DATABASE_PASSWORD)
    keep database_url "postgresql://holdfast_app:${found:-$(random)}@postgres:5432/holdfast"
fi
[ -s secrets/holdfast_owner_database_url ] ||
    keep holdfast_owner_database_url "postgresql://holdfast:$(cat secrets/postgres_password)@postgres:5432/holdfast"
[ -s secrets/redis_url ] || keep redis_url "redis://:$(cat secrets/valkey_password)@valkey:6379/0"

moved=
for name in $GIVEN; do
    found=$(in_env "$name")
    [ -n "$found" ] || continue
    keep "$(small "$name")" "$found"
    moved="$moved $name"
done

# .env keeps no secret, but says which of those that are not made here there are.
if [ -f .env ]; then
    cp .env .env.new
    for name in $moved; do
        sed "s|^$name=.*|${name}_FILE=./secrets/$(small "$name")|" .env.new > .env.newer && mv .env.newer .env.new
    done
    for name in $MADE; do
        sed "/^$name=/d" .env.new > .env.newer && mv .env.newer .env.new
    done
    if cmp -s .env .env.new; then
        rm .env.new
    else
        mv .env.new .env
        say "The secrets of .env are in secrets/ now, and no longer in .env."
    fi
fi
