# shellcheck shell=bash disable=SC2154,SC2034  # the variables are those of ci/launch
# The runtime "container" of ci/launch, which sources this file: what is mounted, and what is called.
#
# Inside, every path is what it is outside: messages are right, and a run that was begun in a
# container can be resumed without one. Recordings are mounted read-only.
# Left out: paths with a comma (--mount cannot say them; RUNTIME=local can), and symlinks inside an
# input folder that lead out of it.

container=() # the flags of `engine run`
mounted=()   # what is mounted so far
lists=$'\n'  # what lists were read so far, a line each

run_container() {
    need_image
    open_output
    mount_words
    mount_stored
    allow_gpus
    supervise_container ${inputs[@]+"${inputs[@]}"} --output "$out" ${flags[@]+"${flags[@]}"}
}

# Its input is a list of ids, not of recordings.
exclude_container() {
    local -i i
    need_image
    open_output
    for ((i = 0; i < ${#inputs[@]}; i++)); do
        inputs[i]=$(absolute "${inputs[i]}")
        [[ ! -e ${inputs[i]} ]] || mount_readonly "${inputs[i]}"
    done
    supervise_container exclude "$out" ${inputs[@]+"${inputs[@]}"} ${flags[@]+"${flags[@]}"}
}

# Runs the pipeline with the words that are given, in a container that can be stopped by its name.
supervise_container() {
    name=kokoro-$(cksum <<<"$out" | cut -d ' ' -f 1)-$$
    # subtle: to the container, not to the client, which hands signals on only without a terminal
    stop_command=("$engine" kill --signal TERM "$name")
    supervise "$engine" run --name "$name" --env "KOKORO_CONTAINER=$name" "${container[@]}" \
        "$(image)" "$@"
}

look_container() {
    need_image
    open_output
    exec "$engine" run "${container[@]}" "$(image)" "$action" "$out" ${flags[@]+"${flags[@]}"}
}

shell_container() {
    need_image
    open_output
    allow_gpus
    exec "$engine" run --entrypoint bash "${container[@]}" "$(image)"
}

stop_container() {
    local ids
    ids=$("$engine" ps -q --filter "label=kokoro.output=$(real_path "$OUT")")
    [[ -n $ids ]] || fail 1 "no container works on $OUT"
    # 30 s: the pipeline needs 5 for its snapshot
    xargs "$engine" stop -t 30 <<<"$ids"
}

# --- the image ----------------------------------------------------------------------------------

build_container() {
    local flags=() base=$BASE_IMAGE name
    # of make build, not of a run that finds no image: there they are the pipeline's
    if [[ $action == build && -n $ARGS ]]; then split "$ARGS" && flags=("${words[@]}"); fi
    if is_cpu_image; then
        base=${base:-docker.io/library/ubuntu:24.04}
        flags+=(--build-arg "TORCH=cpu")
    fi
    [[ -z $base ]] || flags+=(--build-arg "BASE_IMAGE=$base")
    for name in TORCH_INDEX "${PROXIES[@]}"; do
        [[ -z ${!name-} ]] || flags+=(--build-arg "$name=${!name}")
    done
    secret ca "$CA"
    secret pip "$PIP_CONF"
    secret apt "$APT_SOURCES"
    flags+=(--label "org.opencontainers.image.version=$(version)")
    flags+=(--label "org.opencontainers.image.revision=$(git -C "$root" rev-parse HEAD 2>/dev/null || true)")
    # BuildKit, which docker before 23 asks for by this variable
    DOCKER_BUILDKIT=1 "$engine" build ${flags[@]+"${flags[@]}"} -t "$(image)" "$root"
}

# A file that the build may read and the image does not keep.
secret() {
    [[ -n $2 ]] || return 0
    [[ -r $2 ]] || fail 2 "cannot read $2, the build's secret '$1'"
    flags+=(--secret "id=$1,src=$(real_path "$2")")
}

need_image() {
    "$engine" image inspect "$(image)" >/dev/null 2>&1 && return
    echo "There is no image $(image) yet: building it" >&2
    build_container >&2
}

is_cpu_image() { [[ -n $CPU ]] || ! has_gpu; }

image() {
    local variant=cuda
    ! is_cpu_image || variant=cpu
    echo "$IMAGE:${TAG:-$(version)-$variant}"
}

version() { sed -nE 's/^__version__ = "(.*)"/\1/p' "$root/pipeline/__init__.py"; }

# --- who it is, what it sees --------------------------------------------------------------------

# Begins `container`: OUT, the weights, the user, the settings.
open_output() {
    local name
    if [[ ! -d $OUT ]]; then
        trap 'rmdir -- "$OUT" 2>/dev/null || true' EXIT # wrong use puts nothing in it
    fi
    mkdir -p "$OUT" "$models" # by us, or the engine makes them as root
    out=$(real_path "$OUT")
    container=(--rm --label "kokoro.output=$out" --user "$(user)" --workdir "$out")
    container+=(--mount "$(bind "$out" "$out")" --mount "$(bind "$models" /models)")
    container+=(--env "KOKORO_MODELS=/models")
    # label=disable: SELinux would forbid the folders; relabelling them would change the caller's files
    [[ $engine != podman ]] || container+=(--security-opt label=disable)
    [[ $engine != podman || $(id -u) == 0 ]] || container+=(--userns keep-id)
    [[ ! -t 0 || ! -t 1 ]] || container+=(--interactive --tty)
    for name in "${SETTINGS[@]}" "${PROXIES[@]}"; do
        [[ -z ${!name-} ]] || container+=(--env "$name")
    done
    [[ -z $CA ]] || trust "$CA"
}

# The caller; where docker itself runs as the caller, that is root inside.
user() {
    if [[ $engine == docker && $("$engine" info --format '{{.SecurityOptions}}' 2>/dev/null) == *rootless* ]]; then
        echo 0:0
    else
        echo "$(id -u):$(id -g)"
    fi
}

trust() {
    local name
    [[ -r $1 ]] || fail 2 "cannot read CA=$1"
    container+=(--mount "$(bind "$(real_path "$1")" /ca.pem),readonly")
    for name in SSL_CERT_FILE REQUESTS_CA_BUNDLE PIP_CERT; do container+=(--env "$name=/ca.pem"); done
}

allow_gpus() {
    has_gpu || return 0
    if [[ $engine == podman ]]; then
        container+=("--device=nvidia.com/gpu=all")
    else
        container+=("--gpus=${GPUS/#auto/all}")
    fi
}

# --- what it reads ------------------------------------------------------------------------------

# Makes the paths among inputs and flags absolute, and mounts what they name.
mount_words() {
    local -i i
    for ((i = 0; i < ${#inputs[@]}; i++)); do
        [[ ${inputs[i]} != *://* ]] || continue
        inputs[i]=$(absolute "${inputs[i]}")
        mount_input "${inputs[i]}"
    done
    for ((i = 0; i < ${#flags[@]}; i++)); do mount_flag "$i"; done
}

# An input as pipeline/sources reads it: a path, a list of inputs, or a glob.
mount_input() {
    local path=$1
    if is_list "$path"; then
        [[ $lists != *$'\n'$path$'\n'* ]] || return 0 # one that names itself
        lists+=$path$'\n'
        mount_readonly "$path"
        mount_list "$path"
    elif [[ -e $path ]]; then
        mount_readonly "$path"
    elif [[ $path == *[\*\?[]* ]]; then
        path=${path%%[\*\?[]*} # what stands before the first wildcard
        [[ ! -d ${path%/*} ]] || mount_readonly "${path%/*}"
    fi
}

is_list() { [[ $1 =~ \.([tT][xX][tT]|[lL][iI][sS][tT]|[mM]3[uU])$ && -f $1 ]]; }

# Folders rather than files: a list may have a million lines.
mount_list() {
    local line folder=${1%/*} path
    while IFS= read -r line || [[ -n $line ]]; do
        line=${line#$'\xef\xbb\xbf'} # what some editors begin a file with
        line=${line#"${line%%[![:space:]]*}"} line=${line%"${line##*[![:space:]]}"}
        [[ -n $line && $line != \#* && $line != *://* ]] || continue
        path=$line
        [[ $path == /* ]] || path=$folder/$path
        [[ $path != */../* ]] || path=$(absolute "$path")
        if is_list "$path"; then
            mount_input "$path"
        elif ! is_mounted "$path"; then
            [[ ! -f $path ]] || path=${path%/*}
            mount_input "$path"
        fi
    done <"$1"
}

# A flag's value: FILE, FILE,FILE or --flag=FILE. A name with neither . nor / is not a path.
mount_flag() {
    local word=${flags[$1]} prefix='' part parts=() found=()
    [[ $word != --*=* ]] || prefix=${word%%=*}=
    word=${word#"$prefix"}
    if [[ -e $word ]]; then parts=("$word"); else IFS=, read -ra parts <<<"$word"; fi
    for part in ${parts[@]+"${parts[@]}"}; do
        [[ $part == *[./]* && -e $part ]] || return 0
        part=$(absolute "$part")
        mount_readonly "$part"
        found+=("$part")
    done
    [[ ${#found[@]} -gt 0 ]] || return 0
    flags[$1]=$prefix$(IFS=, && echo "${found[*]}")
}

# What an earlier run read: resuming needs no INPUT. The image itself reads its YAML.
mount_stored() {
    local path
    [[ -e $out/pipeline_config.yaml ]] || return 0
    while IFS= read -r -d '' path; do mount_input "$path"; done < <(
        "$engine" run "${container[@]//--tty/--interactive}" --entrypoint python "$(image)" -P -c '
import os, sys
from pathlib import Path
from pipeline import stored
found = stored.read_configuration(Path(sys.argv[1])) or {"inputs": [], "settings": {}}
texts = [value for value in found["settings"].values() if isinstance(value, str)]
paths = [*map(stored.readable, found["inputs"]), *(part for text in texts for part in text.split(","))]
sys.stdout.buffer.write(b"".join(os.fsencode(p) + b"\0" for p in paths if p.startswith("/")))' \
            "$out" </dev/null
    )
}

mount_readonly() {
    [[ -n $1 && $1 != / ]] || fail 2 "the root of the file system cannot be an input in a container"
    [[ $1 != "$out" ]] && ! is_mounted "$1" || return 0
    mounted+=("$1")
    container+=(--mount "$(bind "$(real_path "$1")" "$1"),readonly")
}

is_mounted() {
    local one
    for one in ${mounted[@]+"${mounted[@]}"}; do
        [[ $1/ != "$one"/* ]] || return 0
    done
    return 1
}

bind() {
    [[ $1$2 != *,* ]] || fail 2 "a comma in a path cannot be mounted: $1; rename it or use RUNTIME=local"
    echo "type=bind,source=$1,target=$2"
}

real_path() {
    if [[ -d $1 ]]; then (cd -- "$1" && pwd -P); else echo "$(cd -- "$(dirname -- "$1")" && pwd -P)/$(basename -- "$1")"; fi
}

# From the root, as the pipeline itself makes it: symlinks stay, unless there is a .. in it.
absolute() {
    local path=$1
    [[ $path != /* ]] && path=$(pwd -P)/${path#./}
    if [[ $path/ == */../* && -e $path ]]; then path=$(real_path "$path"); fi
    [[ $path == / ]] || path=${path%/}
    echo "$path"
}
