#!/bin/sh
# Makes the cluster at the first start, then becomes the server.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username=postgres --pwfile=/dev/fd/3 --auth=scram-sha-256 3<<END
$POSTGRES_PASSWORD
END
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
fi
exec postgres -c 'listen_addresses=*' -c unix_socket_directories= "$@"
