// Names and places that Natural Earth 1:110m has not or spells otherwise. Google Analytics keeps
// the spelling of 2017 in the public sample: "Macedonia (FYROM)", "Swaziland", a typographic
// apostrophe in "Côte d’Ivoire".

const rows = (text) => text.trim().split('\n').map((line) => line.split(/ +\| +/));

/// Shapes: number in the source (its name where it has none), ISO 3166 alpha-3, Google's name.
export const SHAPES = rows(`
004 | AFG | Afghanistan
008 | ALB | Albania
012 | DZA | Algeria
024 | AGO | Angola
032 | ARG | Argentina
051 | ARM | Armenia
036 | AUS | Australia
040 | AUT | Austria
031 | AZE | Azerbaijan
044 | BHS | Bahamas
050 | BGD | Bangladesh
112 | BLR | Belarus
056 | BEL | Belgium
084 | BLZ | Belize
204 | BEN | Benin
064 | BTN | Bhutan
068 | BOL | Bolivia
070 | BIH | Bosnia & Herzegovina
072 | BWA | Botswana
076 | BRA | Brazil
096 | BRN | Brunei
100 | BGR | Bulgaria
854 | BFA | Burkina Faso
108 | BDI | Burundi
116 | KHM | Cambodia
120 | CMR | Cameroon
124 | CAN | Canada
140 | CAF | Central African Republic
148 | TCD | Chad
152 | CHL | Chile
156 | CHN | China
170 | COL | Colombia
178 | COG | Congo - Brazzaville
180 | COD | Congo - Kinshasa
188 | CRI | Costa Rica
384 | CIV | Côte d’Ivoire
191 | HRV | Croatia
192 | CUB | Cuba
196 | CYP | Cyprus
203 | CZE | Czechia
208 | DNK | Denmark
262 | DJI | Djibouti
214 | DOM | Dominican Republic
218 | ECU | Ecuador
818 | EGY | Egypt
222 | SLV | El Salvador
226 | GNQ | Equatorial Guinea
232 | ERI | Eritrea
233 | EST | Estonia
231 | ETH | Ethiopia
238 | FLK | Falkland Islands (Islas Malvinas)
242 | FJI | Fiji
246 | FIN | Finland
250 | FRA | France
254 | GUF | French Guiana
260 | ATF | French Southern Territories
266 | GAB | Gabon
270 | GMB | Gambia
268 | GEO | Georgia
276 | DEU | Germany
288 | GHA | Ghana
300 | GRC | Greece
304 | GRL | Greenland
320 | GTM | Guatemala
324 | GIN | Guinea
624 | GNB | Guinea-Bissau
328 | GUY | Guyana
332 | HTI | Haiti
340 | HND | Honduras
348 | HUN | Hungary
352 | ISL | Iceland
356 | IND | India
360 | IDN | Indonesia
364 | IRN | Iran
368 | IRQ | Iraq
372 | IRL | Ireland
376 | ISR | Israel
380 | ITA | Italy
388 | JAM | Jamaica
392 | JPN | Japan
400 | JOR | Jordan
398 | KAZ | Kazakhstan
404 | KEN | Kenya
Kosovo | XKX | Kosovo
414 | KWT | Kuwait
417 | KGZ | Kyrgyzstan
418 | LAO | Laos
428 | LVA | Latvia
422 | LBN | Lebanon
426 | LSO | Lesotho
430 | LBR | Liberia
434 | LBY | Libya
440 | LTU | Lithuania
442 | LUX | Luxembourg
807 | MKD | Macedonia (FYROM)
450 | MDG | Madagascar
454 | MWI | Malawi
458 | MYS | Malaysia
466 | MLI | Mali
478 | MRT | Mauritania
484 | MEX | Mexico
498 | MDA | Moldova
496 | MNG | Mongolia
499 | MNE | Montenegro
504 | MAR | Morocco
508 | MOZ | Mozambique
104 | MMR | Myanmar (Burma)
516 | NAM | Namibia
524 | NPL | Nepal
528 | NLD | Netherlands
540 | NCL | New Caledonia
554 | NZL | New Zealand
558 | NIC | Nicaragua
562 | NER | Niger
566 | NGA | Nigeria
408 | PRK | North Korea
578 | NOR | Norway
512 | OMN | Oman
586 | PAK | Pakistan
275 | PSE | Palestine
591 | PAN | Panama
598 | PNG | Papua New Guinea
600 | PRY | Paraguay
604 | PER | Peru
608 | PHL | Philippines
616 | POL | Poland
620 | PRT | Portugal
630 | PRI | Puerto Rico
634 | QAT | Qatar
642 | ROU | Romania
643 | RUS | Russia
646 | RWA | Rwanda
682 | SAU | Saudi Arabia
686 | SEN | Senegal
688 | SRB | Serbia
694 | SLE | Sierra Leone
703 | SVK | Slovakia
705 | SVN | Slovenia
090 | SLB | Solomon Islands
706 | SOM | Somalia
710 | ZAF | South Africa
410 | KOR | South Korea
728 | SSD | South Sudan
724 | ESP | Spain
144 | LKA | Sri Lanka
729 | SDN | Sudan
740 | SUR | Suriname
744 | SJM | Svalbard & Jan Mayen
748 | SWZ | Swaziland
752 | SWE | Sweden
756 | CHE | Switzerland
760 | SYR | Syria
158 | TWN | Taiwan
762 | TJK | Tajikistan
834 | TZA | Tanzania
764 | THA | Thailand
626 | TLS | Timor-Leste
768 | TGO | Togo
780 | TTO | Trinidad & Tobago
788 | TUN | Tunisia
792 | TUR | Turkey
795 | TKM | Turkmenistan
800 | UGA | Uganda
804 | UKR | Ukraine
784 | ARE | United Arab Emirates
826 | GBR | United Kingdom
840 | USA | United States
858 | URY | Uruguay
860 | UZB | Uzbekistan
548 | VUT | Vanuatu
862 | VEN | Venezuela
704 | VNM | Vietnam
732 | ESH | Western Sahara
887 | YEM | Yemen
894 | ZMB | Zambia
716 | ZWE | Zimbabwe
`);

/// Too small for 1:110m, drawn as a circle: alpha-3, Google's name, latitude, longitude.
export const POINTS = rows(`
ALA | Åland Islands | 60.2 | 20.0
ASM | American Samoa | -14.3 | -170.7
AND | Andorra | 42.55 | 1.57
AIA | Anguilla | 18.22 | -63.05
ATG | Antigua & Barbuda | 17.08 | -61.8
ABW | Aruba | 12.52 | -69.98
BHR | Bahrain | 26.07 | 50.55
BRB | Barbados | 13.18 | -59.55
BMU | Bermuda | 32.31 | -64.75
VGB | British Virgin Islands | 18.43 | -64.62
CPV | Cape Verde | 15.1 | -23.6
BES | Caribbean Netherlands | 12.18 | -68.26
CYM | Cayman Islands | 19.31 | -81.25
CXR | Christmas Island | -10.49 | 105.63
CCK | Cocos (Keeling) Islands | -12.17 | 96.87
COM | Comoros | -11.7 | 43.35
COK | Cook Islands | -21.23 | -159.78
CUW | Curaçao | 12.18 | -68.98
DMA | Dominica | 15.42 | -61.36
FRO | Faroe Islands | 62.05 | -6.93
PYF | French Polynesia | -17.65 | -149.45
GIB | Gibraltar | 36.14 | -5.35
GRD | Grenada | 12.12 | -61.67
GLP | Guadeloupe | 16.22 | -61.53
GUM | Guam | 13.45 | 144.78
GGY | Guernsey | 49.46 | -2.58
HKG | Hong Kong | 22.32 | 114.17
IMN | Isle of Man | 54.23 | -4.55
JEY | Jersey | 49.21 | -2.13
KIR | Kiribati | 1.42 | 173.0
LIE | Liechtenstein | 47.16 | 9.55
MAC | Macau | 22.2 | 113.55
MDV | Maldives | 4.18 | 73.51
MLT | Malta | 35.89 | 14.45
MHL | Marshall Islands | 7.1 | 171.25
MTQ | Martinique | 14.64 | -61.02
MUS | Mauritius | -20.28 | 57.57
MYT | Mayotte | -12.83 | 45.16
FSM | Micronesia | 6.88 | 158.23
MCO | Monaco | 43.74 | 7.42
MSR | Montserrat | 16.74 | -62.19
NRU | Nauru | -0.53 | 166.93
NIU | Niue | -19.05 | -169.87
NFK | Norfolk Island | -29.03 | 167.95
MNP | Northern Mariana Islands | 15.19 | 145.75
PLW | Palau | 7.5 | 134.6
REU | Réunion | -21.12 | 55.53
WSM | Samoa | -13.75 | -172.1
SMR | San Marino | 43.94 | 12.46
STP | São Tomé & Príncipe | 0.24 | 6.6
SYC | Seychelles | -4.68 | 55.48
SGP | Singapore | 1.35 | 103.82
SXM | Sint Maarten | 18.04 | -63.06
BLM | St. Barthélemy | 17.9 | -62.83
SHN | St. Helena | -15.96 | -5.7
KNA | St. Kitts & Nevis | 17.3 | -62.73
LCA | St. Lucia | 13.9 | -60.97
MAF | St. Martin | 18.08 | -63.06
SPM | St. Pierre & Miquelon | 46.88 | -56.32
VCT | St. Vincent & Grenadines | 13.25 | -61.2
TON | Tonga | -21.18 | -175.2
TCA | Turks & Caicos Islands | 21.78 | -72.0
TUV | Tuvalu | -8.52 | 179.2
VIR | U.S. Virgin Islands | 18.05 | -64.8
VAT | Vatican City | 41.9 | 12.45
WLF | Wallis & Futuna | -13.3 | -176.2
`);

/// Country, region and city in Google's spelling, latitude, longitude.
export const CITIES = rows(`
Australia | New South Wales | Sydney | -33.8688 | 151.2093
Australia | Victoria | Melbourne | -37.8136 | 144.9631
Austria | Vienna | Vienna | 48.2082 | 16.3738
Brazil | State of Rio de Janeiro | Rio de Janeiro | -22.9068 | -43.1729
Brazil | State of Sao Paulo | Sao Paulo | -23.5505 | -46.6333
Canada | British Columbia | Vancouver | 49.2827 | -123.1207
Canada | Ontario | Toronto | 43.6532 | -79.3832
Canada | Quebec | Montreal | 45.5019 | -73.5674
France | Ile-de-France | Courbevoie | 48.8973 | 2.2522
France | Ile-de-France | Paris | 48.8566 | 2.3522
Germany | Bavaria | Munich | 48.1351 | 11.582
Germany | Berlin | Berlin | 52.52 | 13.405
Germany | Hamburg | Hamburg | 53.5511 | 9.9937
Hong Kong | (not set) | Hong Kong | 22.3193 | 114.1694
India | Delhi | New Delhi | 28.6139 | 77.209
India | Gujarat | Ahmedabad | 23.0225 | 72.5714
India | Karnataka | Bengaluru | 12.9716 | 77.5946
India | Maharashtra | Mumbai | 19.076 | 72.8777
India | Tamil Nadu | Chennai | 13.0827 | 80.2707
India | Telangana | Hyderabad | 17.385 | 78.4867
Indonesia | Jakarta | Jakarta | -6.2088 | 106.8456
Ireland | County Dublin | Dublin | 53.3498 | -6.2603
Italy | Lazio | Rome | 41.9028 | 12.4964
Italy | Lombardy | Milan | 45.4642 | 9.19
Japan | Osaka Prefecture | Osaka | 34.6937 | 135.5023
Japan | Tokyo | Minato | 35.6581 | 139.7516
Malaysia | Federal Territory of Kuala Lumpur | Kuala Lumpur | 3.139 | 101.6869
Mexico | Mexico City | Mexico City | 19.4326 | -99.1332
Philippines | Metro Manila | Quezon City | 14.676 | 121.0437
Philippines | Metro Manila | Taguig | 14.5176 | 121.0509
Poland | Greater Poland Voivodeship | Poznan | 52.4064 | 16.9252
Poland | Masovian Voivodeship | Warsaw | 52.2297 | 21.0122
Russia | Moscow | Moscow | 55.7558 | 37.6173
Russia | Saint Petersburg | Saint Petersburg | 59.9311 | 30.3609
Singapore | (not set) | Singapore | 1.3521 | 103.8198
South Korea | Seoul | Seoul | 37.5665 | 126.978
Spain | Catalonia | Barcelona | 41.3851 | 2.1734
Spain | Community of Madrid | Madrid | 40.4168 | -3.7038
Taiwan | Taoyuan County | Zhongli District | 24.9654 | 121.2249
Thailand | Bangkok | Bangkok | 13.7563 | 100.5018
Turkey | Ankara | Ankara | 39.9334 | 32.8597
Turkey | Istanbul | Istanbul | 41.0082 | 28.9784
United Kingdom | England | London | 51.5074 | -0.1278
United Kingdom | England | Manchester | 53.4808 | -2.2426
United Kingdom | Scotland | Edinburgh | 55.9533 | -3.1883
United States | Arizona | Phoenix | 33.4484 | -112.074
United States | California | Los Angeles | 34.0522 | -118.2437
United States | California | Mountain View | 37.3861 | -122.0839
United States | California | Palo Alto | 37.4419 | -122.143
United States | California | San Bruno | 37.6305 | -122.4111
United States | California | San Diego | 32.7157 | -117.1611
United States | California | San Francisco | 37.7749 | -122.4194
United States | California | San Jose | 37.3382 | -121.8863
United States | California | Santa Clara | 37.3541 | -121.9552
United States | California | Santa Monica | 34.0195 | -118.4912
United States | California | Sunnyvale | 37.3688 | -122.0363
United States | Colorado | Denver | 39.7392 | -104.9903
United States | District of Columbia | Washington | 38.9072 | -77.0369
United States | Georgia | Atlanta | 33.749 | -84.388
United States | Illinois | Chicago | 41.8781 | -87.6298
United States | Massachusetts | Boston | 42.3601 | -71.0589
United States | Massachusetts | Cambridge | 42.3736 | -71.1097
United States | Michigan | Ann Arbor | 42.2808 | -83.743
United States | New York | New York | 40.7128 | -74.006
United States | North Carolina | Charlotte | 35.2271 | -80.8431
United States | Pennsylvania | Pittsburgh | 40.4406 | -79.9959
United States | Texas | Austin | 30.2672 | -97.7431
United States | Texas | Dallas | 32.7767 | -96.797
United States | Texas | Houston | 29.7604 | -95.3698
United States | Virginia | Salem | 37.2935 | -80.0548
United States | Washington | Kirkland | 47.6815 | -122.2087
United States | Washington | Seattle | 47.6062 | -122.3321
Vietnam | Hanoi | Hanoi | 21.0278 | 105.8342
Vietnam | Ho Chi Minh | Ho Chi Minh City | 10.8231 | 106.6297
`);
