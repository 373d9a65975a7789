"""A session of the package openlist against the server named by the arguments: URL, user, password. Prints what each step gave, as one JSON object."""
import asyncio
import json
import sys

from openlist import Client

url, user, password = sys.argv[1:]
seen = {}


async def step(name, run):
    """Keeps what a step gave, or the error that the client raised."""
    try:
        seen[name] = await run
    except Exception as error:
        seen[name] = {"error": type(error).__name__}


async def names(run):
    return sorted(item.name for item in await run)


async def main():
    wrong = Client(url, auto_refresh=False)
    await step("wrong password", wrong.login(user, "wrong"))
    async with Client(url) as client:
        await client.login(user, password)
        fs = client.fs
        await step("me", picked(client.user.me(), "username", "role", "base_path"))
        await step("mkdir", fs.mkdir("/first/ol/inner"))
        await step("mkdir again", fs.mkdir("/first/ol"))
        await step("write", fs.write_bytes("/first/ol/文件.txt", b"from python"))
        await step("write again", fs.write_bytes("/first/ol/文件.txt", b"another"))
        await step("write of parts", fs.write_bytes("/first/ol/parts.txt", iter([b"one ", b"two"])))
        await step("list", names(fs.listdir("/first/ol")))
        await step("list of the root", names(fs.listdir("/")))
        await step("stat", picked(fs.stat("/first/ol/文件.txt"), "name", "size", "is_dir"))
        await step("stat of what is not there", fs.stat("/first/none"))
        await step("exists", fs.exists("/first/none"))
        await step("list of a file", fs.listdir("/first/ol/parts.txt"))
        await step("rename", fs.rename("/first/ol/parts.txt", "renamed.txt"))
        await step("rename many", fs.rename_many("/first/ol", [("renamed.txt", "again.txt")]))
        await step("copy", fs.copy("/first/ol/again.txt", "/first/ol/inner"))
        await step("move", fs.move("/first/ol/again.txt", "/second"))
        # A move to another storage goes on after its answer, as in OpenList; this client cannot ask after tasks.
        await gone(fs, "/first/ol/again.txt")
        await step("mkdir for flattening", fs.mkdir("/first/flat"))
        await step("flatten", fs.recursive_move("/first/ol", "/first/flat"))
        await step("flattened", names(fs.listdir("/first/flat")))
        await step("rmdir of a full one", fs.rmdir("/first/flat"))
        await step("unlink", fs.unlink("/first/flat/again.txt"))
        await step("keys", client.user.sshkey.list())
        await step("key add", client.user.sshkey.add("a key", "ssh-ed25519 AAAA"))
        await step("update", client.user.update())
    json.dump(seen, sys.stdout, default=str)


async def gone(fs, path):
    for _ in range(200):
        if not await fs.exists(path):
            return
        await asyncio.sleep(0.1)


async def picked(run, *keys):
    result = await run
    return [getattr(result, key) for key in keys]


asyncio.run(main())
