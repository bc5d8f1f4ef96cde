// Sends each chosen file as it is; the address of the page says for which lesson.
const files = document.getElementById("files");
const done = document.getElementById("done");

function line(words) {
  const item = document.createElement("li");
  item.textContent = words;
  done.append(item);
  return item;
}

async function send(file) {
  const item = line(`正在上传：${file.name}`);
  if (file.size > Number(files.dataset.most) * 1024 * 1024) {
    item.textContent = `${file.name}：文件太大了，一份最多 ${files.dataset.most} MB。`;
    return;
  }
  try {
    const answer = await fetch(location.pathname, {
      method: "POST",
      headers: { "Content-Type": "application/octet-stream", "X-File-Name": encodeURIComponent(file.name) },
      body: file,
    });
    const isWords = (answer.headers.get("content-type") || "").includes("json");
    const words = isWords ? (await answer.json()).words : "没有传上去，链接可能过期了。请在聊天里再要一个。";
    item.textContent = answer.ok ? `✅ ${words}` : `${file.name}：${words}`;
  } catch {
    item.textContent = `${file.name}：网络断了，没有传上去，请再选一次。`;
  }
}

files.addEventListener("change", async () => {
  for (const file of files.files) await send(file);
  files.value = "";
});
