"""What the bench has a page measure by its own clock; who runs it is in :mod:`.browser`."""

from __future__ import annotations

__all__ = [
    "ALL_DRAWN",
    "ALL_LISTED",
    "FRAMES",
    "IS_WHOLE",
    "SHOW_PLAINLY",
    "UNTIL_DRAWN",
    "WATCH_FRAMES",
    "WATCH_OPENING",
    "WATCH_TYPING",
]

WATCH_OPENING = """() => {
    window.opening = new Promise(resolve => {
        document.addEventListener('pointerdown', () => {
            const began = performance.now();
            const look = () => {
                const area = document.querySelector('.aqueduct-sidebar textarea');
                if (area && area.offsetParent) {
                    // The frame in which it is drawn is over when the one after it begins.
                    requestAnimationFrame(() => resolve(performance.now() - began));
                } else {
                    requestAnimationFrame(look);
                }
            };
            look();
        }, { capture: true, once: true });
    });
}"""

WATCH_FRAMES = """() => {
    const frames = window.frames_ = { spans: [], tasks: [], is_over: false };
    let before = performance.now();
    const frame = now => {
        frames.spans.push(now - before);
        before = now;
        if (!frames.is_over) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    new PerformanceObserver(list => frames.tasks.push(...list.getEntries().map(e => e.duration)))
        .observe({ type: 'longtask' });
}"""

UNTIL_DRAWN = """([button, drawn]) => new Promise(resolve => {
    // What a closed list still holds does not count.
    document.querySelectorAll(drawn.selector).forEach(node => node.classList.add('old'));
    const began = performance.now();
    const look = () => {
        if (document.querySelectorAll(`${drawn.selector}:not(.old)`).length >= drawn.count) {
            requestAnimationFrame(() => resolve(performance.now() - began));
        } else {
            requestAnimationFrame(look);
        }
    };
    document.querySelector(button).click();
    look();
})"""

WATCH_TYPING = """() => {
    window.typed = [];
    document.addEventListener('keydown', ({ timeStamp }) => requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        // It arrives when the frame with the letter has been drawn.
        port1.onmessage = () => window.typed.push(performance.now() - timeStamp);
        port2.postMessage(null);
    }), { capture: true });
}"""


SHOW_PLAINLY = """text => {
    const began = performance.now();
    const node = document.createElement('div');
    node.style.cssText = 'position: fixed; width: 300px';
    node.append(...text.split('\\n').map(line => {
        const paragraph = document.createElement('p');
        paragraph.textContent = line;
        return paragraph;
    }));
    document.body.append(node);
    node.getBoundingClientRect();
    node.remove();
    return performance.now() - began;
}"""

ALL_LISTED = "count => document.querySelectorAll('.aqueduct-row').length >= count"
ALL_DRAWN = "count => document.querySelectorAll('.aqueduct-turn').length >= count"

IS_WHOLE = """() => document.querySelector('.aqueduct-turn[data-state=whole]') !== null"""

FRAMES = "() => { window.frames_.is_over = true; return window.frames_; }"
