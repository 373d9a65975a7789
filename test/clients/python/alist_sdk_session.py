"""A session of alist-sdk against the server named by the arguments: URL, user, password, folder of a storage to add. Prints what each step gave, as one JSON object."""
import json
import logging
import sys
import time

from alist_sdk import Client

logging.disable(logging.CRITICAL)
url, user, password, folder = sys.argv[1:]
seen = {}


def step(name, run):
    """Keeps what a step gave: data of a reply, its code and message where it is no success, or the error that the client raised."""
    try:
        result = run()
        if hasattr(result, "code"):
            seen[name] = result.data if result.code == 200 else {"code": result.code, "message": result.message}
        else:
            seen[name] = result
    except Exception as error:
        seen[name] = {"error": type(error).__name__}


def names(reply):
    return sorted(item.name for item in reply.data.content or [])


def until_done(client, task):
    deadline = time.time() + 20
    while time.time() < deadline:
        done = [one for one in client.task_done("copy").data if one.id == task.id]
        if done:
            return {"name": done[0].name, "state": done[0].state, "progress": done[0].progress, "error": done[0].error}
        time.sleep(0.1)
    return "not done in 20 s"


step("wrong password", lambda: Client(url, username=user, password="wrong"))
client = Client(url, username=user, password=password)
step("me", lambda: (client.me().data.username, client.me().data.role))
step("version", lambda: len(client.service_version))
step("mkdir", lambda: client.mkdir("/first/py"))
step("upload", lambda: client.upload_file_put(b"from python", "/first/py/put.txt"))
step("upload as a task", lambda: client.upload_file_put(b"as a task", "/first/py/task.txt", as_task=True))
step("upload with a space", lambda: client.upload_file_put(b"space", "/first/py/a b.txt"))
step("upload by form", lambda: client.upload_file_form_data(b"form", "/first/py/form.txt"))
step("list", lambda: names(client.list_files("/first/py")))
step("list of the root", lambda: names(client.list_files("/")))
step("list, kept by the client", lambda: sorted(client.dict_files_items("/first/py")))
step("get", lambda: [getattr(client.get_item_info("/first/py/put.txt").data, key) for key in ("name", "size", "is_dir")])
step("get of what is not there", lambda: client.get_item_info("/first/none"))
step("content", lambda: client.get(client.get_item_info("/first/py/put.txt").data.raw_url, follow_redirects=True).text)
step("dirs", lambda: sorted(item.name for item in client.get_dir("/first").data))
step("search", lambda: client.search("/first", "put"))
step("rename", lambda: client.rename("renamed.txt", "/first/py/put.txt"))
copied = client.copy("/first/py", "/second", ["renamed.txt"])
step("copy", lambda: [task.name for task in copied.data.tasks])
step("copy, its task", lambda: until_done(client, copied.data.tasks[0]))
copied = client.copy("/first", "/second", ["py"])
step("copy of a folder, its task", lambda: until_done(client, copied.data.tasks[0]))
step("copied", lambda: names(client.list_files("/second/py", refresh=True)))
step("undone", lambda: client.task_undone("copy"))
step("clear", lambda: client.task_clear_done("copy"))
step("cleared", lambda: client.task_done("copy"))
step("delete of no task", lambda: client.task_delete("copy", "none"))
step("move", lambda: client.move("/first/py", "/first", ["renamed.txt"]))
step("move to another storage", lambda: client.move("/first/py", "/second", ["task.txt"]))
step("remove", lambda: client.remove("/first", ["renamed.txt"]))
step("remove_empty_directory", lambda: client.remove_empty_directory("/first/py"))
step("storages", lambda: sorted(one.mount_path for one in client.admin_storage_list().data.content))
storage = {
    "mount_path": "/third", "order": 0, "driver": "Local", "cache_expiration": 30, "status": "work", "remark": "",
    "addition": json.dumps({"root_folder_path": folder}), "modified": "2026-01-01T00:00:00Z", "disabled": False,
    "enable_sign": False, "order_by": "", "order_direction": "", "extract_folder": "", "web_proxy": False,
    "webdav_policy": "native_proxy", "down_proxy_url": "",
}
step("storage create", lambda: client.admin_storage_create(storage).data.id > 0)
third = next(one for one in client.admin_storage_list().data.content if str(one.mount_path) == "/third")
step("storage update", lambda: client.admin_storage_update({**third.model_dump(), "remark": "a remark"}))
step("storage delete", lambda: client.admin_storage_delete(third.id))
step("users", lambda: sorted(one.username for one in client.admin_user_list().data.content))
step("metas", lambda: client.admin_meta_list().data.total)
step("settings", lambda: len(client.admin_setting_list(group=1).data) > 5)
step("add_aria2", lambda: client.add_aria2("/first", ["http://127.0.0.1/x"]))
json.dump(seen, sys.stdout, default=lambda value: value.model_dump() if hasattr(value, "model_dump") else str(value))
