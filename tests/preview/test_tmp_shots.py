from concurrent.futures import ThreadPoolExecutor
def test_shots(desk_on):
    desk_on.build(); desk_on.token="a-token-of-these-tests"
    with desk_on.running() as d:
        def work():
            from playwright.sync_api import sync_playwright
            from axe_playwright_python.sync_playwright import Axe
            with sync_playwright() as p:
                b=p.chromium.launch(executable_path="/usr/bin/chromium",args=["--no-sandbox"])
                c=b.new_context(viewport={"width":1000,"height":560}); page=c.new_page()
                errs=[]; page.on("console", lambda m: errs.append((m.type,m.text)) if m.type in("error","warning") else None); page.on("pageerror", lambda e: errs.append(str(e)))
                def shot(name):
                    page.wait_for_timeout(200)
                    page.screenshot(path=f"/tmp/lab/door/{name}.png")
                    r=Axe().run(page); print(name, r.violations_count, [v["id"] for v in r.response["violations"]], errs); errs.clear()
                page.goto(d.url+"/jobs"); shot("enter")
                page.fill("#token","wrong"); page.click("main button"); shot("wrong")
                page.fill("#token","a-token-of-these-tests"); page.click("main button"); page.wait_for_url("**/jobs"); shot("jobs")
                page.click("main form button"); page.wait_for_timeout(1500); shot("jobs2")
                page.goto(d.url+"/nothing"); shot("missing")
                page.evaluate("()=>{const f=document.createElement('form');f.method='post';f.action='/name';const i=document.createElement('textarea');i.name='text';i.value='My long text';f.append(i);document.body.append(f);f.submit()}"); page.wait_for_timeout(400); shot("refused")
                page.set_viewport_size({"width":375,"height":700}); shot("refused375")
                page.goto(d.url+"/nothing"); shot("missing375")
                (d.folder/"outbox").rename(d.folder/"x"); (d.folder/"outbox").write_text("x")
                page.set_viewport_size({"width":1000,"height":560}); page.goto(d.url+"/editions"); shot("trouble")
                b.close()
        with ThreadPoolExecutor(1) as t: t.submit(work).result()
