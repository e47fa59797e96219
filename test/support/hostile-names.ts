/** Texts that are markup, script, templates or nonsense to whoever takes them for more than text. */
export const HOSTILE = [
  "<script>alert(1)</script>",
  `"><img src=x onerror="alert(2)">`,
  "']]></text></svg><script>alert(3)</script><![CDATA[",
  "</title></style></script><svg onload=alert(4)>",
  "{{constructor.constructor('alert(5)')()}} #{alert(5)} <%= alert(5) %>",
  "&lt;img src=x onerror=alert(6)&gt; &#60;script&#62; &amp;",
  "\u202egnp.exe\u2066 \u200f<b>\u2069 \u061c",
  "[x](javascript:alert(8)) ![](https://evil.example/p.png) `|` **b** <javascript:alert(8)>",
  // No character of XML, in no form.
  "bell \u0007 escape \u001b[31m null-like \ufffe \u0008",
  `long ${"<i>x</i> ".repeat(40)}`,
] as const;
