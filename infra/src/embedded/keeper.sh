# Keeps a PostgreSQL server running for as long as somebody uses it.
#
# A server that ends without being asked to, because somebody or the kernel killed it, is started
# again: its users go on when it has recovered. One that never took connections says in its log why.
#
# Every user holds the pipe on our standard input open for writing. The kernel closes it for those
# who were killed, so nobody has to say goodbye. A user also writes one byte when it arrives: a
# silent pipe that reads as ended has had nobody since we last looked.
#
#   $1 the folder, which is also where we stand   $2 the folder of the socket
#   $3 "keep" or "remove" the folder afterwards   $4 seconds to linger for the next user
#   and then the server's command line
set -u
trap '' HUP INT TERM
folder=$1 socket=$2 afterwards=$3 linger=$4
shift 4

(
    tries=0
    while :; do
        began=$(date +%s)
        "$@" &
        echo $! >server.pid
        wait $!
        status=$?
        if [ "$afterwards" = remove ] || [ ! -e open ] || [ -e ending ]; then
            break
        fi
        # What a killed server leaves behind needs a moment to notice, so that the next may start in vain.
        [ $(($(date +%s) - began)) -lt 60 ] || tries=0
        tries=$((tries + 1))
        [ $tries -le 150 ] || break
        echo "rabta: the server ended by itself, with status $status; it is started again"
        sleep 0.2
        [ ! -e ending ] || break
    done
    rm -f open
    echo $status >exited
) </dev/null &
server=$!

while [ "$(cat | wc -c)" -gt 0 ]; do
    sleep "$linger"
done

# From here on newcomers start a server of their own. Whoever came in a moment before is waited for.
rm -f open
: >ending
cat >/dev/null

# A fast shutdown, and after twenty seconds one that does not ask. It is asked for again and again: a
# server that was started a moment ago does not listen yet, and what it does not hear is lost.
began=$(date +%s) shutdown=INT
while kill -0 $server 2>/dev/null && [ ! -e exited ]; do
    [ $(($(date +%s) - began)) -lt 20 ] || shutdown=QUIT
    [ -s server.pid ] && kill -$shutdown "$(cat server.pid)" 2>/dev/null
    sleep 0.05
done
wait

rm -rf "$socket"
if [ "$afterwards" = remove ]; then
    mv "$folder" "$folder.gone" && rm -rf "$folder.gone"
fi
